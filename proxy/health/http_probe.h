// Asks an HTTP server a question and judges status, fields and content of the answer.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/regex.h"
#include "proxy/health/conversation.h"
#include "proxy/http/h1_decoder.h"

namespace hapair::health {

/// What the answer must say: each of these that is not empty.
struct HttpExpect {
  struct Header {
    std::string name;
    std::string value;             // whole; not looked at if there is a pattern
    std::optional<Regex> pattern;
    bool any_value = false;        // that it is there is enough
  };
  std::vector<std::pair<int, int>> status;  // in one of these ranges
  std::vector<Header> headers;              // all of them
  std::vector<std::string> body;            // one of these texts
  std::optional<Regex> body_pattern;

  bool wants_body() const { return !body.empty() || body_pattern; }
};

class HttpProbe final : public Conversation {
 public:
  /// Where neither says anything of the status, it must be 2xx or 3xx. Of a longer answer the first
  /// 64 KiB are judged.
  struct Settings {
    HttpExpect must;
    HttpExpect must_not;  // nothing of this
    bool head_only = false;  // the request was HEAD: no content follows
  };
  HttpProbe(std::string request, Settings settings);

  /// What is sent from the next probe on.
  void set_request(std::string request) { request_ = std::move(request); }

  Turn begin() override;
  Turn on_bytes(std::string_view bytes) override;
  ProbeResult on_end(int error_number) override;

 private:
  std::optional<ProbeResult> judge_status(std::string_view line);
  std::optional<ProbeResult> read_head();
  std::optional<ProbeResult> read_body(std::size_t from);
  std::optional<ProbeResult> judge_body(bool complete);
  ProbeResult passed() const { return {.status = ProbeStatus::L7Ok, .code = code_}; }
  ProbeResult wrong() const {
    return {.status = ProbeStatus::L7Status, .code = code_, .info = phrase_};
  }

  std::string request_;
  const Settings settings_;
  enum class Stage : std::uint8_t { StatusLine, Head, Body } stage_ = Stage::StatusLine;
  std::string bytes_;  // the head; then the content alone
  int code_ = -1;
  std::string phrase_;
  http::BodyDecoder body_;
};

}  // namespace hapair::health
