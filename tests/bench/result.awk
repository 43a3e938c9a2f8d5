# SPDX-License-Identifier: Apache-2.0
#
# What `quorate bench --format json` said, flattened by flat.awk, as a line of results: see
# table.awk. -v group, work and round say what it was. Fails when the rate is missing or requests
# failed.

{ of[$1] = $2 }

/^watched\.[0-9]+\.pid/ { servers++ }

END {
    printf "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", group, work, round, of["rate"],
        of["latency.all.p50_us"], of["latency.all.p99_us"], of["latency.all.p99_9_us"],
        of["watched_together.us_each"], servers, of["client.us_each"]
    exit of["rate"] <= 0 || of["failed"] > 0
}
