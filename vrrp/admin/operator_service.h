// Answers what operators and scrapers ask at a control socket.
#pragma once

#include <span>
#include <string>

#include "common/loop/control_server.h"
#include "vrrp/admin/status_report.h"
#include "vrrp/runtime/history_keeper.h"
#include "vrrp/runtime/supervisor.h"

namespace hapair::vrrp {

/// Lives on the loop's thread, and answers at once. What it is given must outlive it.
class OperatorService final : public ControlOwner {
 public:
  OperatorService(Loop& loop, Supervisor& supervisor, HistoryKeeper& history)
      : loop_(loop), supervisor_(supervisor), keeper_(history), history_(history.history()), started_(steady_now()) {}

  std::span<const control::Verb> verbs() const override;
  std::span<const control::Page> pages() const override;
  void carry_out(const control::Line& line, control::Level level, Reply reply) override;

 private:
  StatusReport report();
  InstanceReport report(const VirtualRouter& router);
  PeerReport report(const Pair& pair) const;
  std::vector<InstanceReport::Part> parts_of(const Instance& instance) const;
  InstanceReport::Router named(const IpAddress& address) const;
  /// Null: there is none of that name.
  const VirtualRouter* router_of(std::string_view name) const;
  std::string show_instance(std::span<const std::string> words);
  std::string switch_over(std::span<const std::string> words);
  std::string show_drill(std::span<const std::string> words);
  std::string start_drill(std::span<const std::string> words);
  std::string finish_drill(std::span<const std::string> words);

  Loop& loop_;
  Supervisor& supervisor_;
  HistoryKeeper& keeper_;
  const History& history_;
  const TimePoint started_;
};

}  // namespace hapair::vrrp
