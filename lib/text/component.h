// One component of tokenizer.json: its object, and where it stands for the errors about it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace reaugkd::text {

class Component {
 public:
  using Json = nlohmann::json;  // sorted: base::Json would search 50,000 keys for each one it reads

  /// `where` is the place of `json` ("dir/tokenizer.json: normalizer"). Both must outlive this.
  /// Throws ArtifactError where `json` is no object with a "type".
  Component(const Json& json, std::string where);

  const std::string& type() const { return type_; }
  const std::string& where() const { return where_; }
  std::string where(const std::string& key) const { return where_ + "." + key; }

  /// Whether the key is there and not null.
  bool has(const std::string& key) const;
  /// Throws ArtifactError where the key is missing.
  const Json& at(const std::string& key) const;
  /// The value, or `fallback` where the key is missing or null. Throws ArtifactError on a value of
  /// another type.
  bool flag(const std::string& key, bool fallback) const;
  std::string text(const std::string& key, const std::string& fallback) const;
  /// A text that is needed.
  std::string text(const std::string& key) const;

  /// The component is none of those known.
  [[noreturn]] void refuse_type(const std::string& known) const;
  [[noreturn]] void refuse(const std::string& key, const std::string& expected) const;

 private:
  const Json& json_;
  std::string where_;
  std::string type_;
};

/// The components of `json` in order: none where it is null, those within a Sequence (its list is
/// named `list_key`, sequences within sequences too) each for itself.
std::vector<Component> flat_components(const Component::Json& json, const std::string& where,
                                       const std::string& list_key);

}  // namespace reaugkd::text
