// The conversation on a control socket: lines of commands in, answers out. HAProxy's manners.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/control_http.h"

namespace hapair::control {

/// What somebody at a socket may do; each level may do what the lower ones may.
enum class Level : std::uint8_t {
  User,      // look at what betrays nothing
  Operator,  // look at everything, reset peaks
  Admin,     // change things
};
std::string_view word(Level level);

/// A command: what is typed, and what it is for. The words before the first '<', '[', '{' or '('
/// of `usage` name it.
struct Verb {
  std::string_view usage;    // "set server <b>/<s> state ready|drain|maint"
  std::string_view summary;  // for help
  Level level = Level::User;
};

/// A command that was typed: its verb's place in the list, and all its words.
struct Line {
  std::size_t verb = 0;
  std::vector<std::string> words;
};

/// Splits at ';' into commands and those at blanks into words; '\' takes away the meaning of what
/// follows it.
std::vector<std::vector<std::string>> split_commands(std::string_view line);

/// "Unknown command, but maybe …" with the verbs that look like it, or all of them.
std::string unknown_command(std::span<const Verb> verbs, std::span<const std::string> words);

/// One client of a control socket. Pure: the owner brings bytes and carries what comes out.
///
/// One line is one conversation, however many commands it has, unless the client asks for more with
/// `prompt`: after the last answer the connection ends. Lines that came along with the first are
/// answered too. Every answer ends with an empty line.
///
/// `prompt`, `quit`, `help`, `user`, `operator`, `set timeout cli` and `show cli level` are
/// understood here; the rest is the owner's.
///
/// Where the owner has pages, a client whose first line is one of HTTP speaks HTTP: it has one
/// request, whose head is read and not looked at, and one response. Nothing it sends besides is a
/// command.
class Conversation {
 public:
  /// Bytes, as HAProxy's buffer; of HTTP, the whole head.
  static constexpr std::size_t kLongestLine = 16 * 1024;
  /// With so much to be sent no further command is begun, not even one of ours.
  static constexpr std::size_t kEnoughOutput = 16 * 1024;  // bytes

  /// `verbs` and `pages` are the owner's and must outlive this. `timeout`: how long the client may
  /// be idle.
  Conversation(std::span<const Verb> verbs, Level level, Duration timeout,
               std::span<const Page> pages = {})
      : verbs_(verbs), pages_(pages), level_(level), timeout_(timeout) {}

  void on_bytes(std::string_view bytes);
  /// The client will send no more; what it sent is still answered.
  void on_end() { ended_ = true; }

  /// The next command to be carried out, if there is one and the last was answered. Commands that
  /// are unknown, not allowed, or our own are answered on the way.
  std::optional<Line> next();
  /// The answer to what next() gave; a missing newline at its end is added.
  void on_answer(std::string_view text);

  Level level() const { return level_; }
  Duration timeout() const { return timeout_; }
  bool is_waiting_for_answer() const { return waiting_; }
  /// What is to be sent, in order. The owner takes bytes away from its beginning.
  std::string& output() { return output_; }
  /// Nothing more will come out: send the rest, and close.
  bool is_over() const { return over_; }

 private:
  void begin_line(std::string_view line);
  void on_head_line(std::string_view line);
  void begin_page();
  void respond(int status, std::string_view text);
  bool answer_ourselves(const std::vector<std::string>& words);
  std::string set_timeout(const std::vector<std::string>& words);
  void answer(std::string_view text);
  void on_lines_done();

  std::span<const Verb> verbs_;
  std::span<const Page> pages_;
  Level level_;
  Duration timeout_;
  std::string input_;
  std::string output_;
  std::vector<std::vector<std::string>> commands_;  // of the line under way, in reverse
  bool heard_any_ = false;
  bool answered_any_ = false;
  std::optional<RequestLine> request_;                           // of a client that speaks HTTP
  std::size_t head_size_ = 0;                                    // bytes of its head so far
  std::string_view content_type_ = "text/plain; charset=utf-8";  // of the response
  bool interactive_ = false;
  bool prompting_ = false;
  bool waiting_ = false;
  bool ended_ = false;
  bool over_ = false;
};

}  // namespace hapair::control
