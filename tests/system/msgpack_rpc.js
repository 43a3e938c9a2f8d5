// SPDX-License-Identifier: Apache-2.0
//
// node msgpack_rpc.js HOST:PORT...: every method that an application wants, through a stock
// MessagePack-RPC client. Exits with 0 when all answers were right.
'use strict';

const assert = require('assert');
const rpc = require('msgpack-rpc-lite');

function connect(address) {
    const [host, port] = address.split(':');
    return rpc.createClient(Number(port), host);
}

// The result of a call; an error is thrown with its text as message.
function call(client, method, ...params) {
    return new Promise((resolve, reject) => {
        client.request(method, ...params, (error, result) => {
            if (error !== null) {
                assert.strictEqual(typeof error, 'string', 'an error is one string');
                reject(new Error(error));
            } else {
                resolve(result);
            }
        });
    });
}

async function expectError(promise, code) {
    await assert.rejects(promise, (error) => {
        console.log(`  ${error.message}`);
        return error.message.startsWith(code + ' ');
    });
}

async function checkData(client, other) {
    const put = await call(client, 'put', 'rpc', 'key', 'a text as value', {w: 2});
    assert.ok(put.acks >= 2 && put.w === 2);
    let got = await call(other, 'get', 'rpc', 'key', {r: 2});
    assert.strictEqual(got.found, true);
    assert.strictEqual(got.values.length, 1);
    assert.ok(Buffer.isBuffer(got.values[0].value), 'values are answered as bin');
    assert.strictEqual(got.values[0].value.toString(), 'a text as value');

    // Bytes as key and value, no options at all.
    const bytes = Buffer.from([0, 255, 10, 13, 193, 0]);
    await call(client, 'put', Buffer.from('rpc'), bytes, bytes);
    got = await call(other, 'get', 'rpc', bytes);
    assert.deepStrictEqual(got.values[0].value, bytes);

    // A concurrent value, resolved with the context of a read.
    await call(client, 'put', 'rpc', 'key', 'beside', {});
    got = await call(client, 'get', 'rpc', 'key', {});
    assert.strictEqual(got.values.length, 2);
    await call(other, 'put', 'rpc', 'key', 'resolved', {context: got.context});
    got = await call(client, 'get', 'rpc', 'key', {r: 'all'});
    assert.strictEqual(got.values.length, 1);
    assert.strictEqual(got.r, 3);

    await call(client, 'delete', 'rpc', 'key', {context: got.context, w: 'quorum'});
    got = await call(other, 'get', 'rpc', 'key', {});
    assert.strictEqual(got.found, false);
    assert.strictEqual(got.values.length, 0);
}

async function checkCluster(client) {
    await call(client, 'ping');
    const topology = await call(client, 'topology');
    assert.strictEqual(topology.epoch, 1);
    assert.strictEqual(topology.shards, 16);
    assert.strictEqual(topology.replicas, 3);
    assert.strictEqual(topology.members.length, 3);
    const status = await call(client, 'status');
    assert.strictEqual(String(status.name), 'n1');
    assert.strictEqual(status.shards_owned, 16);
}

async function checkErrors(client) {
    await expectError(call(client, 'frobnicate'), 'METHOD');
    await expectError(call(client, 'get', 'rpc'), 'INVALID');
    await expectError(call(client, 'get', 'rpc', 'key', {r: 99}), 'INVALID');
    await expectError(call(client, 'get', 'rpc', 'key', {no_such_option: 1}), 'INVALID');
    await expectError(call(client, 'put', 'rpc', 'key', 'v', {context: 'rubbish'}), 'TOKEN');
    await expectError(call(client, 'put', 'rpc', '', 'v', {}), 'INVALID');
}

// Many requests at once on one connection; answers may come in any order.
async function checkPipeline(client) {
    const calls = [];
    for (let i = 0; i < 500; i++)
        calls.push(call(client, 'put', 'pipe', `key-${i}`, `value-${i}`, {}));
    await Promise.all(calls);
    const got = await Promise.all(
        calls.map((ignored, i) => call(client, 'get', 'pipe', `key-${i}`, {})));
    got.forEach((result, i) => assert.strictEqual(String(result.values[0].value), `value-${i}`));
}

async function main() {
    const [first, second] = process.argv.slice(2).map(connect);
    await checkCluster(first);
    await checkData(first, second);
    await checkErrors(first);
    await checkPipeline(second);
    first.close();
    second.close();
}

main().then(() => {
    console.log('all calls answered as documented');
    process.exit(0);
}, (error) => {
    console.error(error);
    process.exit(1);
});
