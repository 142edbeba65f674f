#include "vrrp/core/mail_queue.h"

#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using Outcome = MailQueue::Outcome;

constexpr TimePoint t0{1000s};

Mail mail(std::string subject) {
  return {.subject = std::move(subject), .message = {}};
}

/// The subject of the mail that is to be sent now; empty: none.
std::string take(MailQueue& queue, TimePoint now) {
  const Mail* mail = queue.take(now);
  return mail ? mail->subject : "";
}

TEST(MailQueue, SendsOneAfterTheOther) {
  MailQueue queue;
  EXPECT_EQ(queue.deadline(), kNever);
  queue.push(mail("a"));
  queue.push(mail("b"));
  EXPECT_LE(queue.deadline(), t0);
  EXPECT_EQ(take(queue, t0), "a");
  EXPECT_EQ(take(queue, t0), "") << "a is on its way";
  EXPECT_EQ(queue.deadline(), kNever);
  queue.on_delivered();
  EXPECT_EQ(take(queue, t0), "b");
  queue.on_delivered();
  EXPECT_TRUE(queue.empty());
}

TEST(MailQueue, WaitsLongerAfterEachFailure) {
  MailQueue queue({.first_pause = 1s, .longest_pause = 5s});
  queue.push(mail("a"));
  TimePoint now = t0;
  for (const Duration pause : {1s, 2s, 4s, 5s, 5s}) {
    EXPECT_EQ(take(queue, now), "a");
    EXPECT_EQ(queue.on_failed(false, now), Outcome::TriedAgain);
    EXPECT_EQ(queue.deadline(), now + pause);
    EXPECT_EQ(take(queue, now + pause - 1ms), "");
    now += pause;
  }
  EXPECT_EQ(take(queue, now), "a");
  queue.on_delivered();
  queue.push(mail("b"));
  EXPECT_EQ(take(queue, now), "b") << "the server is back";
  queue.on_failed(false, now);
  EXPECT_EQ(queue.deadline(), now + 1s);
}

TEST(MailQueue, GivesAMailUpAfterItsTries) {
  MailQueue queue({.tries = 2});
  queue.push(mail("a"));
  queue.push(mail("b"));
  EXPECT_EQ(take(queue, t0), "a");
  EXPECT_EQ(queue.on_failed(false, t0), Outcome::TriedAgain);
  EXPECT_EQ(take(queue, t0 + 1s), "a");
  EXPECT_EQ(queue.on_failed(false, t0 + 1s), Outcome::GivenUp);
  EXPECT_EQ(queue.deadline(), t0 + 3s) << "the server is no better for the next one";
  EXPECT_EQ(take(queue, t0 + 3s), "b");
}

TEST(MailQueue, DoesNotInsistWhereItIsRefusedForGood) {
  MailQueue queue;
  queue.push(mail("a"));
  queue.push(mail("b"));
  take(queue, t0);
  EXPECT_EQ(queue.on_failed(true, t0), Outcome::GivenUp);
  EXPECT_EQ(take(queue, t0), "b");
}

TEST(MailQueue, KeepsTheNewest) {
  MailQueue queue({.most = 2});
  queue.push(mail("a"));
  EXPECT_EQ(take(queue, t0), "a");
  EXPECT_FALSE(queue.push(mail("b")));
  EXPECT_FALSE(queue.push(mail("c")));
  EXPECT_EQ(queue.push(mail("d"))->subject, "b") << "not the one on its way";
  EXPECT_EQ(queue.size(), 3U);
  queue.on_delivered();
  EXPECT_EQ(take(queue, t0), "c");
}

TEST(MailQueue, InAHurryTriesEachOnce) {
  MailQueue queue;
  queue.push(mail("a"));
  queue.push(mail("b"));
  take(queue, t0);
  queue.on_failed(false, t0);
  queue.hurry();
  EXPECT_EQ(take(queue, t0), "a") << "no pause";
  EXPECT_EQ(queue.on_failed(false, t0), Outcome::GivenUp);
  EXPECT_EQ(take(queue, t0), "b");
  EXPECT_EQ(queue.on_failed(false, t0), Outcome::GivenUp);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace hapair::vrrp
