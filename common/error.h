// A failure as a value: what went wrong, in words that help the person who must mend it.
#pragma once

#include <fmt/format.h>

#include <string>
#include <system_error>
#include <tl/expected.hpp>
#include <utility>

namespace hapair {

enum class Errc {
  Syntax,       // the text does not have the form it should
  Range,        // well formed, but outside what is allowed
  NotFound,     // names something that does not exist
  Unsupported,  // known, and not available in this build or on this machine
  Denied,       // the kernel refused for lack of privilege
  System,       // any other refusal by the kernel
};

struct Error {
  Errc code = Errc::System;
  std::string message;  // one line, no trailing newline or full stop
};

template <typename T>
using Result = tl::expected<T, Error>;

template <typename... Args>
tl::unexpected<Error> fail(Errc code, fmt::format_string<Args...> format, Args&&... args) {
  return tl::make_unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

/// Appends the kernel's reason for `error_number` (an errno value) to the message.
template <typename... Args>
tl::unexpected<Error> fail_errno(int error_number, fmt::format_string<Args...> format,
                                 Args&&... args) {
  const bool denied = error_number == EPERM || error_number == EACCES;
  return tl::make_unexpected(Error{denied ? Errc::Denied : Errc::System,
                                   fmt::format(format, std::forward<Args>(args)...) + ": " +
                                       std::generic_category().message(error_number)});
}

}  // namespace hapair
