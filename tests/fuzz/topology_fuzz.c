// SPDX-License-Identifier: Apache-2.0
// Any bytes as a topology record: refused, or the one spelling of a valid record. A small record is
// then planned again from its own table.
#include "base/check.h"
#include "node/data/topology.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer bytes = {0};
    struct topology *topology = NULL;

    if (topology_decode(slice_of(data, size), &topology))
        return 0;
    check(topology_valid(topology));
    topology_encode(topology, &bytes);
    check(slice_equal(buffer_slice(&bytes), slice_of(data, size)));
    if (topology->shards <= 64 && plan_table(topology, topology->owners, NULL) == 0)
        check(topology_valid(topology));
    topology_free(topology);
    buffer_done(&bytes);
    return 0;
}
