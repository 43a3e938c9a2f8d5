// SPDX-License-Identifier: Apache-2.0
#include "node/wire/decoder.h"

#include "node/data/topology.h"

#include <msgpack/zone.h>

enum { SCRATCH_KEEP = 4 << 10 };

void wire_decoder_reset(struct wire_decoder *decoder)
{
    if (decoder->zone)
        msgpack_zone_clear(decoder->zone);
    if (decoder->topology)
        topology_free(decoder->topology);
    decoder->topology = NULL;
    arena_reset(&decoder->arena);
    buffer_reset(&decoder->scratch, SCRATCH_KEEP);
}

void wire_decoder_done(struct wire_decoder *decoder)
{
    wire_decoder_reset(decoder);
    if (decoder->zone)
        msgpack_zone_free(decoder->zone);
    decoder->zone = NULL;
    arena_done(&decoder->arena);
    buffer_done(&decoder->scratch);
}
