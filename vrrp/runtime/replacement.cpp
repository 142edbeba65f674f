#include "vrrp/runtime/replacement.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "common/service.h"
#include "common/text.h"
#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

// Names the descriptor of what is handed over.
constexpr const char* kVariable = "HAPAIR_VRRP_SUCCESSION";
constexpr Duration kTrialLimit = 10s;
constexpr std::size_t kLargest = 1 << 20;  // bytes

bool set_close_on_exec(int fd, bool close) {
  return ::fcntl(fd, F_SETFD, close ? FD_CLOEXEC : 0) == 0;
}

std::vector<char*> raw(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

Result<FileDescriptor> write_memory(const std::string& text) {
  FileDescriptor fd(::memfd_create("hapair-succession", MFD_CLOEXEC));
  if (!fd || ::pwrite(fd.value(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return fail_errno(errno, "cannot write down what is to be handed over");
  return fd;
}

}  // namespace

Replacement::Replacement(Loop& loop, std::string program, std::vector<std::string> words)
    : loop_(loop), program_(std::move(program)), words_(std::move(words)) {}

void Replacement::try_it(std::function<void(Result<void>)> done) {
  Command command{.argv = {program_, std::string(kTrialWord), std::to_string(kSuccessionVersion)},
                  .environment = {}};
  command.argv.insert(command.argv.end(), words_.begin() + 1, words_.end());
  trial_.emplace(
      loop_, std::move(command), kTrialLimit,
      [this, done = std::move(done)](const ExitReport& report) {
        Result<void> result;
        if (!report.error.empty())
          result = fail(Errc::System, "{} cannot be run: {}", program_, report.error);
        else if (report.timed_out)
          result = fail(Errc::System, "{} --check did not end", program_);
        else if (report.signal != 0)
          result = fail(Errc::System, "{} was ended by signal {}", program_, report.signal);
        else if (report.status == kExitCannotStart)
          result = fail(Errc::Unsupported,
                        "{} does not understand what this version would hand over: restart "
                        "instead",
                        program_);
        else if (report.status != 0)
          result = fail(Errc::System,
                        "{} ended with exit code {} when it was tried with our files: run "
                        "it with --check, or it is too old for this",
                        program_, report.status);
        const auto tell = done;  // outlives what is destroyed now
        trial_.reset();
        tell(std::move(result));
      });
}

Error Replacement::become(const Succession& succession) {
  const std::string text = write_succession(succession);
  // A name with a line break in it, say.
  if (const auto read = read_succession(text);
      !read || *read != succession || text.size() > kLargest)
    return {Errc::Unsupported, "the state cannot be written down: restart instead"};
  const auto memory = write_memory(text);
  if (!memory) return memory.error();
  const std::string variable = std::to_string(memory->value());
  std::vector<std::string> words = words_;
  std::vector<char*> arguments = raw(words);

  hold_signals();
  if (set_close_on_exec(memory->value(), false) &&
      (succession.guardian < 0 || set_close_on_exec(succession.guardian, false)) &&
      ::setenv(kVariable, variable.c_str(), 1) == 0)
    ::execv(program_.c_str(), arguments.data());
  const int reason = errno;
  ::unsetenv(kVariable);
  if (succession.guardian >= 0) set_close_on_exec(succession.guardian, true);
  release_signals();
  return fail_errno(reason, "cannot run {}", program_).value();
}

std::string own_program() {
  std::error_code unreadable;
  return std::filesystem::read_symlink("/proc/self/exe", unreadable);
}

Result<std::optional<Succession>> take_succession() {
  const char* const variable = std::getenv(kVariable);
  if (!variable) return std::nullopt;
  const auto number = parse_number<int>(variable);
  ::unsetenv(kVariable);
  if (!number || *number < 3) return fail(Errc::Syntax, "{} names no descriptor", kVariable);
  const FileDescriptor memory(*number);
  std::string text(kLargest, '\0');
  const ssize_t size = ::pread(memory.value(), text.data(), text.size(), 0);
  if (size < 0) return fail_errno(errno, "cannot read what the program before this one left");
  text.resize(static_cast<std::size_t>(size));
  auto succession = read_succession(text);
  if (!succession) return tl::make_unexpected(succession.error());
  if (succession->guardian >= 0 && !set_close_on_exec(succession->guardian, true))
    return fail_errno(errno, "the guardian's memory was not handed over");
  return *std::move(succession);
}

Result<void> check_trial(std::span<char* const> words) {
  if (!words.empty() && words.front() == std::to_string(kSuccessionVersion)) return {};
  return fail(Errc::Unsupported, "what {} would hand over is not understood here",
              words.empty() ? "nobody" : words.front());
}

}  // namespace hapair::vrrp
