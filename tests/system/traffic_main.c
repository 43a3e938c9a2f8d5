// SPDX-License-Identifier: Apache-2.0
//
// traffic_main PORT SECONDS: counts what is sent over loopback from or to that port (IPv4), and
// prints "DATAGRAMS DATAGRAM_BYTES SEGMENTS SEGMENT_BYTES", bytes with IP headers. Ends with 77
// where it may not look (it needs CAP_NET_RAW).

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { HEAD_MAX = 128, BUFFER = 8 << 20 };

struct traffic {
    unsigned long packets[2]; // datagrams, segments
    unsigned long bytes[2];
};

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int open_loopback(void)
{
    int watcher = socket(AF_PACKET, SOCK_DGRAM, htons(ETHERTYPE_IP)), size = BUFFER;
    struct sockaddr_ll where = {.sll_family = AF_PACKET,
                                .sll_protocol = htons(ETHERTYPE_IP),
                                .sll_ifindex = (int)if_nametoindex("lo")};

    if (watcher < 0 || bind(watcher, (struct sockaddr *)&where, sizeof where)) {
        perror("packets cannot be watched");
        exit(77);
    }
    setsockopt(watcher, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    return watcher;
}

static void count(const uint8_t *head, size_t size, uint16_t port, struct traffic *traffic)
{
    struct iphdr ip;
    uint16_t ports[2];
    int kind;

    if (size < sizeof ip)
        return;
    memcpy(&ip, head, sizeof ip);
    if ((size_t)ip.ihl * 4 + sizeof ports > size)
        return;
    memcpy(ports, head + (size_t)ip.ihl * 4, sizeof ports);
    if ((ip.protocol != IPPROTO_UDP && ip.protocol != IPPROTO_TCP) ||
        (ntohs(ports[0]) != port && ntohs(ports[1]) != port))
        return;
    kind = ip.protocol == IPPROTO_TCP;
    traffic->packets[kind]++;
    traffic->bytes[kind] += ntohs(ip.tot_len);
}

int main(int argc, char **argv)
{
    struct traffic traffic = {0};
    uint8_t head[HEAD_MAX];
    double end;

    if (argc != 3)
        return 2;
    struct pollfd watcher = {open_loopback(), POLLIN, 0};
    end = now_s() + atof(argv[2]);
    for (double left = atof(argv[2]); left > 0; left = end - now_s()) {
        struct sockaddr_ll from;
        socklen_t room = sizeof from;
        ssize_t size;

        if (poll(&watcher, 1, (int)(left * 1000) + 1) <= 0)
            continue;
        size = recvfrom(watcher.fd, head, sizeof head, 0, (struct sockaddr *)&from, &room);
        if (size > 0 && from.sll_pkttype != PACKET_OUTGOING)
            count(head, (size_t)size, (uint16_t)atoi(argv[1]), &traffic);
    }
    printf("%lu %lu %lu %lu\n", traffic.packets[0], traffic.bytes[0], traffic.packets[1],
           traffic.bytes[1]);
    return 0;
}
