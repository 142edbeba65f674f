#include "proxy/exchange/captured_fields.h"

#include "common/text.h"

namespace hapair::exchange {

void CapturedFields::take(const std::vector<proxy::HeaderCapture>& wanted,
                          const http::FieldList& fields) {
  clear();
  for (const proxy::HeaderCapture& capture : wanted) {
    std::string_view value;
    for (const http::Field& field : fields)
      if (iequals(field.name, capture.name)) value = field.value;
    bytes_ += value.substr(0, capture.length);
    ends_.push_back(bytes_.size());
  }
}

}  // namespace hapair::exchange
