// Whether a program may be run in the daemon's name: nobody but those who could do so anyway may
// change what it does.
#pragma once

#include <string>

#include "common/error.h"
#include "vrrp/runtime/script_user.h"

namespace hapair::vrrp {

/// Where the program `word` of a command is: itself if it is a path, else what PATH leads to.
Result<std::string> find_program(const std::string& word);

/// `path` is whole. The file and every folder above it, links included, must belong to root or the
/// user that runs it, and must not be open to writing by others or by a group other than root's;
/// the user must be able to run it. A folder in which everybody may write is good enough if it is
/// sticky
/// (/tmp): nobody can replace there what belongs to another. The error names the file or folder at
/// fault, and the remedy.
Result<void> check_script_safety(const std::string& path, const ScriptUser& user);

}  // namespace hapair::vrrp
