// Writes one access line as a compiled format says.
#pragma once

#include <string_view>

#include "proxy/config/log_pattern.h"
#include "proxy/exchange/access_record.h"

namespace hapair::exchange {

/// Bytes that a line takes at most, if of every foreign text no more than `limit` bytes are written.
std::size_t pattern_room(const proxy::LogPattern& pattern, const AccessRecord& record,
                         std::size_t limit);

/// Writes the line at `at`, where there must be that room; answers its end. Foreign text is written
/// so that it cannot forge a line: "#XX" for control bytes, quotes, '#' and what is not ASCII (and
/// for '{', '|' and '}' in captured fields); in JSON as RFC 8259 has it, bytes that are no UTF-8 as
/// U+FFFD.
char* put_pattern(char* at, const proxy::LogPattern& pattern, const AccessRecord& record,
                  AccessClock& clock, std::size_t limit);

/// The same for a pattern of JSON, as an object of `room` bytes at most: what is cut is no object.
/// For that its foreign texts are shortened alike, in the end to null, and after that its last
/// members left out. Of less than two bytes there is none.
char* put_object(char* at, const proxy::LogPattern& pattern, const AccessRecord& record,
                 AccessClock& clock, std::size_t limit, std::size_t room);

/// Appends `text` as a JSON string, quotes included. `at` must have room for 6 bytes a byte and two.
char* put_json_string(char* at, std::string_view text);

}  // namespace hapair::exchange
