#include "common/log_batch.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace hapair {
namespace {

void add(LogBatch& batch, std::string_view line) {
  std::memcpy(batch.room(line.size() + 10), line.data(), line.size());
  batch.commit(line.size());
}

TEST(LogBatch, KeepsLinesBackToBackWhateverTheyGrowTo) {
  LogBatch batch;
  EXPECT_TRUE(batch.empty());
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    const std::string line = "line " + std::to_string(i);
    add(batch, line);
    all += line;
  }
  EXPECT_EQ(batch.lines(), 1000U);
  EXPECT_EQ(batch.size(), all.size());
  EXPECT_EQ(batch.line(0), "line 0");
  EXPECT_EQ(batch.line(999), "line 999");
  EXPECT_EQ(batch.run(0, 1000), all);
  EXPECT_EQ(batch.run(3, 5), "line 3line 4");
  EXPECT_EQ(batch.run(7, 7), "");
}

TEST(LogBatch, IsUsedAgainAfterItWasCleared) {
  LogBatch batch;
  add(batch, "first");
  batch.clear();
  EXPECT_TRUE(batch.empty());
  add(batch, "second");
  EXPECT_EQ(batch.run(0, 1), "second");
}

TEST(LogBatch, LosesLinesAtEitherEnd) {
  LogBatch batch;
  for (const char* line : {"one", "two", "three", "four"}) add(batch, line);
  batch.drop_front(1);
  EXPECT_EQ(batch.run(0, batch.lines()), "twothreefour");
  EXPECT_EQ(batch.line(1), "three");
  EXPECT_EQ(batch.trim(11), 1U);
  EXPECT_EQ(batch.trim(11), 0U);
  EXPECT_EQ(batch.run(0, batch.lines()), "twothree");
  EXPECT_EQ(batch.trim(1), 2U);
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.size(), 0U);
}

}  // namespace
}  // namespace hapair
