// What an instance minds outside the election: scripts, interfaces, files, processes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"

namespace hapair::vrrp {

/// A command whose exit status says whether this node is fit to be master.
struct Script {
  std::string name;
  std::vector<std::string> command;  // argv; run without a shell
  std::string user;                  // that runs it; empty: [vrrp] script_user
  Duration interval = std::chrono::seconds(1);
  Duration timeout = interval;  // a run that takes longer has failed
  int rise = 1;                 // successes in a row that make it good
  int fall = 1;                 // failures in a row that make it bad
  bool init_fail = false;       // bad until it has been good `rise` times
  int weight = 0;
  friend bool operator==(const Script&, const Script&) = default;
};

/// A file with a number in it.
struct TrackFile {
  std::string name;
  std::string path;
  int weight = 1;   // -254..254; 0: any number but 0 means FAULT
  int initial = 0;  // -2000..2000: what counts while there is no such file
  friend bool operator==(const TrackFile&, const TrackFile&) = default;
};

/// Processes, of which so many must run.
struct TrackProcess {
  std::string name;
  std::string process;  // the kernel's name of it, at most 15 bytes; empty: only the pid file says
  std::string pidfile;  // empty: whichever are called `process`
  int quorum = 1;
  Duration delay{};            // so long there must be enough to count as good
  Duration terminate_delay{};  // so long there must be too few to count as bad
  int weight = 0;
  friend bool operator==(const TrackProcess&, const TrackProcess&) = default;
};

enum class TrackerKind {
  Script,
  Interface,
  File,
  Process,
  Proxy,     // the one on this host serves
  Backends,  // and all of these have a usable server
};
std::string_view to_string(TrackerKind kind);  // "script"

/// One thing that an instance tracks, and what it makes of it.
struct Tracking {
  TrackerKind kind = TrackerKind::Script;
  std::string name;  // of the section in Config, or of the interface
  std::vector<std::string> backends;  // of Backends
  /// Within -253..253: > 0 is added while good; < 0 while bad; 0: bad means FAULT. Of a file:
  /// -254..254, its number is added so many times, and -254 or less means FAULT.
  int weight = 0;
  bool reverse = false;   // good is bad; of a file, its number has the other sign
  Duration up_delay{};    // of an interface: so long it must be up to count as good
  Duration down_delay{};  // and so long down to count as bad
  friend bool operator==(const Tracking&, const Tracking&) = default;
};

}  // namespace hapair::vrrp
