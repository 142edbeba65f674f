// The program on disk takes the place of the one that runs, in the same process.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/loop/loop.h"
#include "common/loop/subprocess.h"
#include "vrrp/core/succession.h"

namespace hapair::vrrp {

/// Lives on its loop's thread.
class Replacement {
 public:
  /// `program`: where it was started from; `words`: with which words, its name first.
  Replacement(Loop& loop, std::string program, std::vector<std::string> words);

  const std::string& program() const { return program_; }
  /// Runs the new program once, with the same words, to see that it runs here, takes the files and
  /// understands what it will be handed. Calls back from the loop.
  void try_it(std::function<void(Result<void>)> done);
  /// Does not return if all goes well: nothing of this program is left then, no destructor runs,
  /// and of its descriptors none but the guardian's. Else nothing has changed.
  Error become(const Succession& succession);

 private:
  Loop& loop_;
  const std::string program_;
  const std::vector<std::string> words_;
  std::optional<Subprocess> trial_;
};

/// The path of the program that runs here.
std::string own_program();
/// What the program before this one left for us, if one did. Nobody finds it a second time. An
/// error: there was something, and we cannot go on from it.
Result<std::optional<Succession>> take_succession();

/// Before the words of a trial: the version of what will be handed over follows.
inline constexpr std::string_view kTrialWord = "--successor";
/// Whether the words after kTrialWord are of a program that we can succeed; tells why not.
Result<void> check_trial(std::span<char* const> words);

}  // namespace hapair::vrrp
