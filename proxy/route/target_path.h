// The path of a request as routes see it: one spelling for all that servers take for the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hapair::route {

/// The path of `target` (origin form, or "*") in normal form: percent-encoding decoded once, empty
/// and "." segments gone, ".." resolved, path parameters (";…") gone, '\' read as '/'. A view of
/// `target` where that is normal already, else of `buffer`.
///
/// Nothing if servers may disagree about where the path leads, so that no reading is safe:
/// malformed percent-encoding, an encoded control byte, ".." together with an encoded '/' or a '\',
/// and "." or ".." with parameters.
std::optional<std::string_view> normal_path(std::string_view target, std::string& buffer);

}  // namespace hapair::route
