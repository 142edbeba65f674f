// Runs a fuzz target over its corpus, and over every cut and every flipped bit of each input, so
// that what fuzzing once found stays found in the ordinary tests.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

namespace {

TEST(Corpus, IsReplayedWhole) {
  std::size_t inputs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(HAPAIR_CORPUS)) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
    std::vector<std::uint8_t> input(text.begin(), text.end());
    LLVMFuzzerTestOneInput(input.data(), input.size());
    for (std::size_t size = 0; size < input.size(); ++size) {
      // A copy of exactly that size, so that a sanitizer sees every step beyond it.
      const std::vector<std::uint8_t> cut(input.begin(),
                                          input.begin() + static_cast<std::ptrdiff_t>(size));
      LLVMFuzzerTestOneInput(cut.data(), cut.size());
    }
    for (std::size_t bit = 0; bit < input.size() * 8; ++bit) {
      const auto mask = static_cast<std::uint8_t>(1U << (bit % 8));
      input[bit / 8] ^= mask;
      LLVMFuzzerTestOneInput(input.data(), input.size());
      input[bit / 8] ^= mask;
    }
    ++inputs;
  }
  EXPECT_GT(inputs, 0U) << "no corpus in " << HAPAIR_CORPUS;
}

}  // namespace
