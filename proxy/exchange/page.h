// Answers that stand in the configuration, ready to be sent.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "proxy/config/fixed_answer.h"
#include "proxy/exchange/answers.h"

namespace hapair::exchange {

/// Written once, when the configuration comes into force, in each shape it may go out in.
class Page {
 public:
  explicit Page(const proxy::FixedAnswer& answer);

  int status() const { return status_; }
  /// Lives as long as the page.
  std::string_view bytes(AnswerShape shape) const;

 private:
  int status_;
  std::array<std::string, 2> shapes_;  // [closes]
  std::array<std::size_t, 2> heads_;   // how much of each is the head
};

/// The error pages of one frontend or backend.
class ErrorPages {
 public:
  explicit ErrorPages(const proxy::ErrorFiles& files);
  /// Null: the built-in one.
  const Page* find(int status) const;

 private:
  std::map<int, Page> pages_;
};

}  // namespace hapair::exchange
