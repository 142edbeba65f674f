// How a backend chooses among its servers, and what of a request it may look at for that.
#pragma once

#include <string>
#include <string_view>

namespace hapair::proxy {

/// A part of a request, or of where it came from, that can stand for the whole: equal keys, equal
/// server.
struct BalanceKey {
  enum class Kind {
    None,
    Source,         // the client's address
    Uri,            // the target as written, up to '?' unless `whole`
    Path,           // the same without scheme and authority
    Query,          // a parameter's value, as written
    Header,         // a field's value; of a list, one element
    HeaderAddress,  // that element as an IP address
    Cookie,         // a cookie's value
  };
  Kind kind = Kind::None;
  std::string name;  // of the parameter, field or cookie

  // Uri, Path
  unsigned length = 0;  // no more than so many bytes; 0: all
  unsigned depth = 0;   // no more than so many directories; 0: all
  bool whole = false;   // with the query

  bool check_post = false;   // Query: also in a POST's body, as far as it fits the buffer
  bool domain_only = false;  // Header: of "www.example.com:80" only "example"
  // Header: which of the elements, from 1, or from the last at -1; 0: the first field's whole value.
  // HeaderAddress: never 0.
  int occurrence = 0;
  unsigned mask = 32, mask6 = 128;  // Source, HeaderAddress: leading bits that count
};

struct Balance {
  enum class Algorithm {
    RoundRobin,
    StaticRoundRobin,
    LeastConnections,
    First,
    Source,
    Random,
    Uri,
    UrlParam,
    Header,
    Hash,
  };
  enum class HashType { MapBased, Consistent };
  enum class HashFunction { SipHash, Fnv1a, Sdbm, Djb2, Crc32, None };

  Algorithm algorithm = Algorithm::RoundRobin;
  unsigned draws = 2;  // Random: the least loaded of so many

  BalanceKey key;  // of the algorithms that hash
  HashType hash_type = HashType::MapBased;
  HashFunction hash_function = HashFunction::SipHash;
  std::string hash_key;      // of SipHash, the same on both nodes
  unsigned hash_balance_factor = 0;  // percent of a server's fair share that it may have; 0: any

  /// Requests need their key computed.
  bool hashes() const { return key.kind != BalanceKey::Kind::None; }
  /// Its balancer looks at weights that change. Where it does not, a server has its configured
  /// weight or none.
  bool follows_weights() const {
    if (hashes()) return hash_type == HashType::Consistent;
    return algorithm == Algorithm::RoundRobin || algorithm == Algorithm::LeastConnections ||
           algorithm == Algorithm::Random;
  }
};

/// As HAProxy and its statistics write it.
std::string_view word(Balance::Algorithm algorithm);

}  // namespace hapair::proxy
