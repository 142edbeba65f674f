// The supervisor's part in a reload: prepare everything, then change over, or nothing.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "vrrp/config/reload_plan.h"
#include "vrrp/runtime/address_trial.h"
#include "vrrp/runtime/supervisor.h"

namespace hapair::vrrp {

using Fate = ReloadPlan::Fate;

/// One reload. What it prepared is undone with it, unless it was carried out.
class Supervisor::Reload {
 public:
  Reload(Supervisor& self, const Task& task, const PreparedScripts& scripts, ReloadPlan plan)
      : self_(self), task_(task), scripts_(scripts), plan_(std::move(plan)) {}

  Result<void> prepare();
  void announce() const;
  void carry_out();

 private:
  /// What an instance that goes on needs of the host.
  struct Change {
    Port::Change port;
    std::vector<std::unique_ptr<SpeakerWatch>> speakers;
    std::optional<AddressTrial> trial;  // of a master
  };

  std::size_t index_of(const std::string& instance) const;
  const Instance& instance(const std::string& name) const;
  Result<void> check_virtual_mac(const Instance& instance);
  Result<void> prepare_change(const Instance& instance, const Link& link);
  Result<void> prepare_new(const Instance& instance);
  void end(std::vector<Opened>& gone);
  void change();
  /// Those that stay and those that come, in the new order.
  void arrange();
  void settle_pair();
  void begin();

  Supervisor& self_;
  const Task& task_;
  const PreparedScripts& scripts_;
  ReloadPlan plan_;
  std::set<IpAddress> virtual_ones_;  // of before and after
  std::map<std::string, Change> changes_;
  std::map<std::string, Opened> opened_;
  std::unique_ptr<Pair> pair_;  // where there was none
};

Result<void> Supervisor::reload(const Task& task, const PreparedScripts& scripts) {
  loop_.refresh();
  auto plan = plan_reload(config_, task.config, task.keys != keys_);
  if (!plan) return tl::make_unexpected(plan.error());
  Reload reload(*this, task, scripts, *std::move(plan));
  if (auto prepared = reload.prepare(); !prepared) return prepared;
  reload.announce();
  reload.carry_out();
  return {};
}

bool Supervisor::has_new_link(const VirtualRouter& router) const {
  if (router.is_fit()) return false;  // as nearly always, and a look at an interface is a system call
  const Placement& placement = router.placement();
  const auto is_another = [&](const Link& link) {
    return !netlink_->link(link.index) && netlink_->link(link.name);
  };
  return is_another(placement.link) || std::ranges::any_of(placement.other_links, is_another);
}

void Supervisor::move_to_new_links() {
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const VirtualRouter& router = ports_[i]->router();
    if (!has_new_link(router)) continue;
    const Task task{.config = config_, .keys = keys_, .digest = digest_};
    ReloadPlan plan{.config = config_};
    for (const auto& port : ports_)
      plan.steps.push_back({port->router().config().name, port == ports_[i] ? Fate::Moved : Fate::Kept});
    Reload move(*this, task, scripts_, std::move(plan));
    const std::string& interface = router.placement().link.name;
    if (auto prepared = move.prepare(); !prepared) {
      if (companions_[i].kept_from_moving == prepared.error().message) continue;
      companions_[i].kept_from_moving = prepared.error().message;
      log_.log(Severity::Warning, "interface {} was made anew, but cannot be used yet: {}", interface,
               prepared.error().message);
      continue;
    }
    log_.log(Severity::Notice, "interface {} was made anew: VRRP_Instance({}) begins anew on it",
             interface, router.config().name);
    move.carry_out();
  }
}

std::size_t Supervisor::Reload::index_of(const std::string& instance) const {
  const auto found = std::ranges::find_if(
      self_.ports_, [&](const auto& port) {
        return port && port->router().config().name == instance;  // null: arranged already
      });
  return static_cast<std::size_t>(found - self_.ports_.begin());
}

const Instance& Supervisor::Reload::instance(const std::string& name) const {
  return *std::ranges::find(plan_.config.instances, name, &Instance::name);
}

// ---- before anything changes

Result<void> Supervisor::Reload::prepare() {
  for (const Config* config : {&self_.config_, &plan_.config})
    for (const Instance& instance : config->instances)
      for (const VirtualAddress& address : instance.virtual_addresses)
        virtual_ones_.insert(address.address.address);
  for (ReloadPlan::Step& step : plan_.steps) {
    if (step.fate == Fate::Changed) {
      const Instance& after = instance(step.instance);
      const auto link = find_link(*self_.netlink_, after);
      if (!link)
        return fail(link.error().code, "instance {}: {}", after.name, link.error().message);
      // "auto" may be another interface now, and one of the same name may be a new one.
      if (link->index != self_.ports_[index_of(step.instance)]->link().index)
        step.fate = Fate::Moved;
      else if (auto prepared = prepare_change(after, *link); !prepared)
        return fail(prepared.error().code, "instance {}: {}", after.name, prepared.error().message);
    }
    if (step.fate == Fate::Renewed || step.fate == Fate::Moved || step.fate == Fate::Added)
      if (auto prepared = prepare_new(instance(step.instance)); !prepared) return prepared;
  }
  if (plan_.config.has_pair_channel() && !self_.pair_) {
    auto pair = self_.open_pair(plan_.config, task_.keys, task_.digest);
    if (!pair) return tl::make_unexpected(pair.error());
    pair_ = *std::move(pair);
  }
  // The last that can fail; it changes nothing if it does.
  return self_.trackers_.follow(plan_.config, scripts_);
}

Result<void> Supervisor::Reload::prepare_change(const Instance& instance, const Link& link) {
  const std::size_t index = index_of(instance.name);
  Port& port = *self_.ports_[index];
  const auto& virtual_mac = self_.companions_[index].virtual_mac;
  const Link face = virtual_mac ? virtual_mac->link() : link;
  auto placement = place(*self_.netlink_, plan_.config, instance, link, face, virtual_ones_);
  if (!placement) return tl::make_unexpected(placement.error());
  placement->face_testament = port.router().placement().face_testament;
  placement->forwards_v6 = port.router().placement().forwards_v6;
  auto change = port.prepare(instance, *std::move(placement));
  if (!change) return tl::make_unexpected(change.error());
  auto speakers = self_.open_speakers(port, instance, change->placement);
  if (!speakers) return tl::make_unexpected(speakers.error());
  std::optional<AddressTrial> trial;
  if (port.router().state() == State::Master) {
    auto put =
        AddressTrial::put(*self_.netlink_, change->placement.addresses, change->placement.routes);
    if (!put) return tl::make_unexpected(put.error());
    trial.emplace(*std::move(put));
  }
  changes_.emplace(instance.name,
                   Change{*std::move(change), *std::move(speakers), std::move(trial)});
  return {};
}

Result<void> Supervisor::Reload::check_virtual_mac(const Instance& instance) {
  if (!instance.virtual_mac) return {};
  const std::string name = virtual_mac_name(instance);
  for (std::size_t i = 0; i < self_.ports_.size(); ++i) {
    auto& there = self_.companions_[i].virtual_mac;
    if (!there || there->link().name != name) continue;
    if (self_.netlink_->link(there->link().index))
      return fail(
          Errc::Unsupported,
          "instance {}: the interface {} is that of {} until it ends: name another one with "
          "virtual_mac = \"…\", or restart",
          instance.name, name, self_.ports_[i]->router().config().name);
    there.reset();  // it went with the interface below it; its settings must not outlive the next one's
  }
  return {};
}

Result<void> Supervisor::Reload::prepare_new(const Instance& instance) {
  if (auto free = check_virtual_mac(instance); !free) return free;
  auto opened = self_.open_router(plan_.config, task_.keys, instance, virtual_ones_);
  if (!opened) return tl::make_unexpected(opened.error());
  opened_.emplace(instance.name, *std::move(opened));
  return {};
}

// ---- from here on nothing fails

void Supervisor::Reload::announce() const {
  for (const std::string& key : plan_.fixed)
    self_.log_.log(Severity::Warning, "{} cannot change in a running process: it stays as it was",
                   key);
  for (const ReloadPlan::Step& step : plan_.steps)
    if (step.fate != Fate::Kept)
      self_.log_.log(Severity::Notice, "Reload: VRRP_Instance({}) {}", step.instance,
                     to_string(step.fate));
}

void Supervisor::Reload::carry_out() {
  std::vector<Opened> gone;
  end(gone);
  self_.tell_listeners();
  change();
  arrange();
  self_.config_ = plan_.config;
  self_.keys_ = task_.keys;
  self_.digest_ = task_.digest;
  self_.scripts_ = scripts_;
  self_.groups_.change(plan_.config.sync_groups, self_.loop_.now());
  self_.group_timer_.arm(self_.loop_.now());
  self_.closed_.close(self_.closed_addresses());
  settle_pair();
  gone.clear();
  begin();
}

/// Their ports live until nobody speaks of them any more.
void Supervisor::Reload::end(std::vector<Opened>& gone) {
  for (const ReloadPlan::Step& step : plan_.steps) {
    if (step.fate == Fate::Kept || step.fate == Fate::Changed || step.fate == Fate::Added) continue;
    const std::size_t index = index_of(step.instance);
    self_.ports_[index]->shutdown();
    // Nobody would believe its adverts, and it would believe replays.
    if (step.fate == Fate::Moved)
      opened_.at(step.instance).port->router().codec().resume(self_.ports_[index]->router().codec().memory());
    gone.push_back({std::move(self_.companions_[index]), std::move(self_.ports_[index])});
    self_.companions_.erase(self_.companions_.begin() + static_cast<std::ptrdiff_t>(index));
    self_.ports_.erase(self_.ports_.begin() + static_cast<std::ptrdiff_t>(index));
  }
}

void Supervisor::Reload::change() {
  // An address may go from one to another: all are given back before any is put.
  for (auto& [name, change] : changes_)
    self_.ports_[index_of(name)]->router().give_back(change.port.instance, change.port.placement);
  for (auto& [name, change] : changes_) {
    const std::size_t index = index_of(name);
    Companions& companions = self_.companions_[index];
    companions.link_name = change.port.placement.link.name;
    companions.speakers = std::move(change.speakers);
    if (change.trial) change.trial->keep();
    self_.ports_[index]->change(std::move(change.port), task_.keys);
  }
}

void Supervisor::Reload::arrange() {
  std::vector<Companions> companions;
  std::vector<std::unique_ptr<Port>> ports;
  for (const Instance& instance : plan_.config.instances) {
    if (const auto fresh = opened_.find(instance.name); fresh != opened_.end()) {
      companions.push_back(std::move(fresh->second.companions));
      ports.push_back(std::move(fresh->second.port));
    } else {
      const std::size_t index = index_of(instance.name);
      companions.push_back(std::move(self_.companions_[index]));
      ports.push_back(std::move(self_.ports_[index]));
    }
  }
  self_.ports_ = std::move(ports);
  self_.companions_ = std::move(companions);
}

void Supervisor::Reload::settle_pair() {
  if (pair_) {
    self_.pair_ = std::move(pair_);
    self_.pair_->set_leaving(self_.leaving_);
  } else if (self_.pair_ && !plan_.config.has_pair_channel()) {
    self_.pair_->shutdown();
    self_.drills_.change(nullptr, false);
    self_.pair_.reset();
    for (const auto& port : self_.ports_) {
      port->router().set_courteous(false);
      port->router().on_peer(std::nullopt, self_.loop_.now());
    }
  } else if (self_.pair_) {
    self_.pair_->change(plan_.config, task_.keys, task_.digest);
  }
  if (self_.pair_) self_.pair_->set_ports(self_.ports_, plan_.config.sync_groups);
  self_.drills_.change(self_.pair_.get(), plan_.config.pair.drills);
}

void Supervisor::Reload::begin() {
  for (std::size_t i = 0; i < self_.ports_.size(); ++i) {
    Port& port = *self_.ports_[i];
    const std::string& name = port.router().config().name;
    self_.companions_[i].trusted = port.router().state() == State::Master;
    if (opened_.contains(name) || changes_.contains(name)) self_.look_at_link(i);
    if (opened_.contains(name))
      port.start_by(self_.loop_.now() + port.router().config().advert_interval);
  }
  self_.testament_changed_ = true;
  self_.on_reading();
}

}  // namespace hapair::vrrp
