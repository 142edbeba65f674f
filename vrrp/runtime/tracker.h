// Something outside the election that says whether this node is fit to be master.
#pragma once

#include <functional>
#include <string>

#include "vrrp/config/tracking.h"
#include "vrrp/core/reading.h"

namespace hapair::vrrp {

/// Lives on its loop's thread, which it never holds up. It tells when its reading has changed, from
/// the loop and never from within its own constructor; what an instance makes of that is Tracking's
/// and weigh()'s.
class Tracker {
 public:
  virtual ~Tracker() = default;
  virtual TrackerKind kind() const = 0;
  virtual const std::string& name() const = 0;
  virtual Reading reading() const = 0;
  /// "script chk failed", "interface eth2 is up": what to say if that is wrong.
  virtual std::string standing() const = 0;
  /// It is well, and asks that the address go elsewhere before it is not.
  virtual bool is_leaving() const { return false; }
  /// The address is elsewhere.
  virtual void on_left() {}
  /// What the program before this one has found: counts until something was found here.
  virtual void resume(const Reading& before) { before_ = before; }
  /// What counts.
  Reading what_counts() const {
    const Reading found = reading();
    return found.is_known || !before_.is_known ? found : before_;
  }
  /// Something about the interface with that index changed; 0: about any.
  virtual void on_link_change(int /*index*/) {}

 private:
  Reading before_;
};

/// Called by a tracker whenever its reading has changed.
using OnReading = std::function<void()>;

}  // namespace hapair::vrrp
