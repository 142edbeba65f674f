#include "vrrp/runtime/smtp.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/clock.h"

namespace hapair::vrrp {
namespace {

struct Easy {
  ~Easy() { curl_easy_cleanup(handle); }
  template <typename T>
  void set(CURLoption option, T value) {
    // Refused are only options that this library does not have: the packages name one that has them.
    if (curl_easy_setopt(handle, option, value) != CURLE_OK) complete = false;
  }
  CURL* const handle = curl_easy_init();
  bool complete = handle != nullptr;
};

struct List {
  ~List() { curl_slist_free_all(first); }
  curl_slist* first = nullptr;
};

/// What is left to be sent.
std::size_t read_some(char* to, std::size_t size, std::size_t count, void* from) noexcept {
  auto& rest = *static_cast<std::string_view*>(from);
  const std::size_t taken = std::min(size * count, rest.size());
  std::memcpy(to, rest.data(), taken);
  rest.remove_prefix(taken);
  return taken;
}

// While a name is looked for there is no socket to shut down, but this is called often.
int look_for_cancel(void* cancel, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  return static_cast<SmtpCancel*>(cancel)->is_cancelled() ? 1 : 0;
}

curl_socket_t open_socket(void* cancel, curlsocktype, curl_sockaddr* address) noexcept {
  return static_cast<SmtpCancel*>(cancel)->open_socket(address->family, address->socktype,
                                                       address->protocol);
}

int close_socket(void* cancel, curl_socket_t fd) noexcept {
  return static_cast<SmtpCancel*>(cancel)->close_socket(fd);
}

void set_encryption(Easy& easy, const AlertMail& settings) {
  using StartTls = AlertMail::StartTls;
  easy.set(CURLOPT_USE_SSL, static_cast<long>(settings.starttls == StartTls::Never ? CURLUSESSL_NONE
                                              : settings.starttls == StartTls::Try ? CURLUSESSL_TRY
                                                                                   : CURLUSESSL_ALL));
  if (!settings.ca_file.empty()) easy.set(CURLOPT_CAINFO, settings.ca_file.c_str());
  // Who could pretend to be the server could as well keep its offer of TLS from us: against those who
  // only listen, any certificate will do.
  const bool proven = settings.starttls == StartTls::Require || !settings.ca_file.empty();
  easy.set(CURLOPT_SSL_VERIFYPEER, proven ? 1L : 0L);
  easy.set(CURLOPT_SSL_VERIFYHOST, proven ? 2L : 0L);
}

/// Where the library's own words have milliseconds in them, others: the same trouble is told once.
std::string words(const Easy& easy, CURLcode result, const char* trouble,
                  const AlertMail& settings) {
  long os_error = 0;
  curl_easy_getinfo(easy.handle, CURLINFO_OS_ERRNO, &os_error);
  if (result == CURLE_OPERATION_TIMEDOUT)
    return fmt::format("no answer within {}", format_duration(settings.timeout));
  if (result == CURLE_COULDNT_CONNECT && os_error != 0)
    return fmt::format("cannot connect to port {}: {}", settings.port,
                       std::generic_category().message(static_cast<int>(os_error)));
  return *trouble != '\0' ? trouble : curl_easy_strerror(result);
}

}  // namespace

void SmtpCancel::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  for (const int fd : sockets_) ::shutdown(fd, SHUT_RDWR);
}

bool SmtpCancel::is_cancelled() const {
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

int SmtpCancel::open_socket(int family, int type, int protocol) {
  const std::lock_guard lock(mutex_);
  if (cancelled_) return -1;
  const int fd = ::socket(family, type | SOCK_CLOEXEC, protocol);
  if (fd >= 0) sockets_.push_back(fd);
  return fd;
}

int SmtpCancel::close_socket(int fd) {
  const std::lock_guard lock(mutex_);
  std::erase(sockets_, fd);
  return ::close(fd);
}

Result<void> prepare_smtp(const AlertMail& settings) {
  if (const CURLcode made = curl_global_init(CURL_GLOBAL_DEFAULT); made != CURLE_OK)
    return fail(Errc::System, "alert.mail: libcurl does not work here: {}", curl_easy_strerror(made));
  if (!settings.ca_file.empty() && ::access(settings.ca_file.c_str(), R_OK) != 0)
    return fail_errno(errno, "alert.mail: cannot read the ca_file {}", settings.ca_file);
  return {};
}

std::optional<SmtpFailure> deliver(const AlertMail& settings, const std::string& password,
                                   std::string_view message, SmtpCancel& cancel) {
  std::array<char, CURL_ERROR_SIZE> trouble{};
  List receivers;
  for (const std::string& receiver : settings.to)
    receivers.first = curl_slist_append(receivers.first, receiver.c_str());
  const bool v6 = settings.host.find(':') != std::string::npos;
  const std::string url = fmt::format("smtp://{}{}{}:{}/{}", v6 ? "[" : "", settings.host,
                                      v6 ? "]" : "", settings.port, settings.helo);
  const long milliseconds = to_milliseconds(settings.timeout);

  Easy easy;  // dies before what it was given
  easy.set(CURLOPT_ERRORBUFFER, trouble.data());
  easy.set(CURLOPT_URL, url.c_str());
  easy.set(CURLOPT_PROTOCOLS_STR, "smtp");
  easy.set(CURLOPT_PROXY, "");      // whatever the environment says
  easy.set(CURLOPT_NOSIGNAL, 1L);   // there are other threads
  easy.set(CURLOPT_QUICK_EXIT, 1L); // a name server that does not answer must not hold us up at the end
  easy.set(CURLOPT_TIMEOUT_MS, milliseconds);
  easy.set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds);
  easy.set(CURLOPT_SERVER_RESPONSE_TIMEOUT, std::max(1L, milliseconds / 1000));  // of QUIT too
  easy.set(CURLOPT_FORBID_REUSE, 1L);
  easy.set(CURLOPT_NOPROGRESS, 0L);
  easy.set(CURLOPT_XFERINFOFUNCTION, &look_for_cancel);
  easy.set(CURLOPT_XFERINFODATA, &cancel);
  easy.set(CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  easy.set(CURLOPT_OPENSOCKETDATA, &cancel);
  easy.set(CURLOPT_CLOSESOCKETFUNCTION, &close_socket);
  easy.set(CURLOPT_CLOSESOCKETDATA, &cancel);
  set_encryption(easy, settings);
  if (!settings.user.empty()) {
    easy.set(CURLOPT_USERNAME, settings.user.c_str());
    easy.set(CURLOPT_PASSWORD, password.c_str());
  }
  easy.set(CURLOPT_MAIL_FROM, settings.from.c_str());
  easy.set(CURLOPT_MAIL_RCPT, receivers.first);
  easy.set(CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);  // one that is unknown must not cost the others theirs
  easy.set(CURLOPT_UPLOAD, 1L);
  easy.set(CURLOPT_READFUNCTION, &read_some);
  easy.set(CURLOPT_READDATA, &message);
  if (!easy.complete) return SmtpFailure{.why = "libcurl lacks an option: at least 7.87 is needed"};

  const CURLcode result = curl_easy_perform(easy.handle);
  if (result == CURLE_OK) return std::nullopt;
  long reply = 0;
  curl_easy_getinfo(easy.handle, CURLINFO_RESPONSE_CODE, &reply);
  return SmtpFailure{.for_good = reply >= 500 && reply < 600,
                     .why = words(easy, result, trouble.data(), settings)};
}

}  // namespace hapair::vrrp
