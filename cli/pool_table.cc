#include "cli/pool_table.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "cli/text.h"

namespace spillway::cli {
namespace {

using spillway::v1::PoolInfo;
using spillway::v1::ProcessInfo;

struct Column {
  const char* title;
  bool left;
};
constexpr std::array<Column, 11> kColumns = {{{"ORIGIN", true},
                                              {"DESTINATION", true},
                                              {"IDLE", false},
                                              {"ACTIVE", false},
                                              {"DIALING", false},
                                              {"WAITING", false},
                                              {"LIMIT", false},
                                              {"REUSED", false},
                                              {"IDLE FOR", false},
                                              {"AGE", false},
                                              {"STATE", true}}};
using Row = std::array<std::string, kColumns.size()>;
constexpr std::size_t kWaitingColumn = 5;
constexpr std::size_t kStateColumn = 10;

std::string Origin(const PoolInfo& pool) {
  const bool ipv6 = pool.host().find(':') != std::string::npos;
  const std::string host = OneLine(pool.host());
  return OneLine(pool.scheme()) + "://" + (ipv6 ? "[" + host + "]" : host) + ":" +
         std::to_string(pool.port());
}

std::string Percent(double ratio) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f%%", ratio * 100);
  return text.data();
}

std::string State(const PoolInfo& pool) {
  std::string text;
  const auto add = [&text](bool is, const char* word) {
    if (is) text += (text.empty() ? "" : " ") + std::string(word);
  };
  add(pool.backing_off(), "backing-off");
  add(pool.stalled(), "stalled");
  add(pool.draining() > 0, "draining");
  return text;
}

bool WasUsed(const PoolInfo& pool) {
  const auto& totals = pool.totals();
  return totals.grants_idle() + totals.grants_new() + totals.grants_coalesced() +
             totals.grants_stream() >
         0;
}

Row RowOf(const PoolInfo& pool) {
  return Row{
      Origin(pool),
      pool.destination().empty() ? "-" : OneLine(pool.destination()),
      std::to_string(pool.idle()),
      std::to_string(pool.active()),
      std::to_string(pool.connecting()),
      std::to_string(pool.waiting()),
      std::to_string(pool.limits().max_connections()),
      WasUsed(pool) ? Percent(pool.reuse_ratio()) : "-",
      pool.has_oldest_idle_age() ? TimeText(DurationOf(pool.oldest_idle_age())) : "-",
      pool.has_oldest_connection_age() ? TimeText(DurationOf(pool.oldest_connection_age())) : "-",
      State(pool)};
}

std::string Totals(const ProcessInfo& process, const Console& console) {
  std::string text = std::to_string(process.connections()) + " of " +
                     std::to_string(process.connection_limit()) + " connections, " +
                     std::to_string(process.active_round_trips()) + " round trips, up " +
                     TimeText(DurationOf(process.uptime()));
  if (!process.version().empty()) text += ", version " + OneLine(process.version());
  if (process.draining()) text += ", " + console.OutStyle(Style::kYellow, "draining");
  return text + "\n";
}

std::vector<const PoolInfo*> Chosen(const google::protobuf::RepeatedPtrField<PoolInfo>& pools,
                                    std::size_t count) {
  std::vector<const PoolInfo*> chosen;
  for (const PoolInfo& pool : pools) chosen.push_back(&pool);
  if (count >= chosen.size()) return chosen;
  const auto load = [](const PoolInfo* pool) {
    return std::pair(pool->waiting(), pool->active() + pool->connecting());
  };
  std::stable_sort(chosen.begin(), chosen.end(),
                   [&load](const auto* a, const auto* b) { return load(a) > load(b); });
  chosen.resize(count);
  return chosen;
}

}  // namespace

std::string PoolTable(const google::protobuf::RepeatedPtrField<PoolInfo>& pools,
                      const ProcessInfo& process, const Console& console, std::size_t max_rows) {
  const auto pool_count = static_cast<std::size_t>(pools.size());
  // Title, totals and the line about what was left out.
  constexpr std::size_t kOtherRows = 3;
  const bool bounded = max_rows > kOtherRows;
  const std::size_t shown = bounded ? std::min(pool_count, max_rows - kOtherRows) : pool_count;

  std::vector<Row> rows(1);
  for (std::size_t i = 0; i < kColumns.size(); ++i) rows[0][i] = kColumns[i].title;
  for (const PoolInfo* pool : Chosen(pools, shown)) rows.push_back(RowOf(*pool));
  std::array<std::size_t, kColumns.size()> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }

  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < kColumns.size(); ++i) {
      const std::string cell =
          kColumns[i].left ? PadRight(rows[r][i], widths[i]) : PadLeft(rows[r][i], widths[i]);
      const bool warn = r > 0 && ((i == kWaitingColumn && rows[r][i] != "0") ||
                                  (i == kStateColumn && !rows[r][i].empty()));
      line += (i == 0 ? "" : "  ") + (warn ? console.OutStyle(Style::kYellow, cell) : cell);
    }
    while (line.ends_with(' ')) line.pop_back();
    text += (r == 0 ? console.OutStyle(Style::kBold, line) : line) + "\n";
  }
  if (shown < pool_count) {
    text += "and " + std::to_string(pool_count - shown) + " more, less busy\n";
  }
  return text + Totals(process, console);
}

}  // namespace spillway::cli
