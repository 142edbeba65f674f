// What the codecs of several instances must not forget, as lines that another process reads back.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "vrrp/core/advert_codec.h"

namespace hapair::vrrp {

/// By the instance's name.
using CodecMemories = std::map<std::string, AdvertCodec::Memory, std::less<>>;

/// A line for each instance behind one that tells the version.
std::string write_memories(const CodecMemories& memories);
/// Passes over lines it cannot read. Nothing at all is believed of another version.
CodecMemories read_memories(std::string_view text);

}  // namespace hapair::vrrp
