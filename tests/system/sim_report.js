// SPDX-License-Identifier: Apache-2.0
//
// node sim_report.js CHROMIUM PICTURE.png FILE...: opens each page (or SVG) in headless Chromium,
// narrow, middling and wide, light and dark, and measures what a reader would see: no chart without
// titles of its axes, no text cut off or upon another, nothing to scroll sideways, nothing fetched.
// PICTURE.png shows the first file. Exits with 0 when all is well. Talks to the browser through a
// pipe (--remote-debugging-pipe), so that no port and no package is needed.
'use strict';

const {spawn} = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

const WIDTHS = [360, 800, 1280];

class Browser {
    constructor(program, folder) {
        const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
            '--no-first-run', '--disable-background-networking', '--disable-component-update',
            '--disable-sync', '--remote-debugging-pipe', `--user-data-dir=${folder}`];

        this.waiting = new Map();
        this.listeners = [];
        this.next = 1;
        this.rest = '';
        this.process = spawn(program, [...flags, 'about:blank'],
            {stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe']});
        this.ended = new Promise((resolve) => this.process.on('exit', resolve));
        this.process.on('error', (error) => this.fail(error));
        this.process.on('exit', (code) => this.fail(new Error(`the browser ended with ${code}`)));
        this.process.stdio[3].on('error', () => {});
        this.process.stdio[4].setEncoding('utf8');
        this.process.stdio[4].on('data', (data) => this.read(data));
    }

    fail(error) {
        for (const {reject} of this.waiting.values())
            reject(error);
        this.waiting.clear();
    }

    read(data) {
        const messages = (this.rest + data).split('\0');

        this.rest = messages.pop();
        for (const text of messages) {
            const message = JSON.parse(text);
            const caller = this.waiting.get(message.id);

            this.waiting.delete(message.id);
            if (caller && message.error)
                caller.reject(new Error(message.error.message));
            else if (caller)
                caller.resolve(message.result);
            else if (message.method)
                this.listeners.forEach((listener) => listener(message));
        }
    }

    call(method, params = {}, sessionId = undefined) {
        const id = this.next++;

        this.process.stdio[3].write(JSON.stringify({id, method, params, sessionId}) + '\0');
        return new Promise((resolve, reject) => this.waiting.set(id, {resolve, reject}));
    }

    // An event of that name from now on.
    event(method) {
        return new Promise((resolve) => {
            const listener = (message) => {
                if (message.method !== method)
                    return;
                this.listeners.splice(this.listeners.indexOf(listener), 1);
                resolve(message.params);
            };

            this.listeners.push(listener);
        });
    }
}

// Runs in the page. Returns what is wrong, each a sentence. Hard results have nothing to say in words.
function measure(alone, hard) {
    const wrong = [];
    const charts = [...document.querySelectorAll('svg.chart')];
    const boxes = (chart) => [...chart.querySelectorAll('text')].map(
        (text) => ({text: text.textContent, box: text.getBoundingClientRect()}));
    // Boxes are as high as a line; letters touch only when they share some of its height.
    const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5 &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) >
            0.3 * Math.min(a.height, b.height, a.width, b.width);

    if (charts.length === 0)
        wrong.push('there is no chart');
    for (const chart of charts) {
        const name = chart.querySelector('title')?.textContent;
        const frame = chart.getBoundingClientRect();
        const texts = boxes(chart);
        const axes = [...chart.querySelectorAll('text.axis')].filter((text) => text.textContent);

        if (axes.length !== 2)
            wrong.push(`"${name}": ${axes.length} titles of axes`);
        if (chart.querySelectorAll('text.tick').length < 2)
            wrong.push(`"${name}": no labels of ticks`);
        for (const id of (chart.getAttribute('aria-labelledby') || 'none').split(' ')) {
            if (document.querySelectorAll(`[id="${id}"]`).length !== 1)
                wrong.push(`"${name}": not one element has the id ${id}`);
        }
        for (const {text, box} of texts) {
            if (!text.trim() || box.width === 0)
                wrong.push(`"${name}": an empty text`);
            if (box.left < frame.left - 0.5 || box.right > frame.right + 0.5 ||
                box.top < frame.top - 0.5 || box.bottom > frame.bottom + 0.5)
                wrong.push(`"${name}": "${text}" is cut off`);
        }
        texts.forEach((a, i) => texts.slice(i + 1).forEach((b) => {
            if (meet(a.box, b.box))
                wrong.push(`"${name}": "${a.text}" and "${b.text}" overlap`);
        }));
        if (/NaN|[" ,](nan|-?inf)[" ,]|undefined/.test(chart.outerHTML))
            wrong.push(`"${name}": a coordinate that is no number`);
    }
    if (alone)
        return wrong;
    if (document.documentElement.scrollWidth > document.documentElement.clientWidth)
        wrong.push(`the page is ${document.documentElement.scrollWidth} wide`);
    document.querySelectorAll('figure').forEach((figure) => {
        if (figure.querySelectorAll('tbody td').length === 0)
            wrong.push(`"${figure.id}": no numbers beside the chart`);
    });
    document.querySelectorAll('section').forEach((section) => {
        if (!section.querySelector('h2') || (!hard && !section.querySelector('.words')))
            wrong.push(`"${section.id}": no title or no words`);
    });
    document.querySelectorAll('h1, h2, p, dd, figcaption, footer').forEach((element) => {
        const box = element.getBoundingClientRect();

        if (box.left < 0 || box.right > document.documentElement.clientWidth + 0.5)
            wrong.push(`"${element.textContent.slice(0, 40)}" stands out of the page`);
    });
    if (document.querySelector('script, link, img, iframe, object, embed'))
        wrong.push('the page loads something');
    return wrong;
}

function ground() {
    const paper = document.querySelector('.paper');

    return paper ? getComputedStyle(paper).fill : getComputedStyle(document.body).backgroundColor;
}

async function evaluate(browser, session, code) {
    const answer = await browser.call('Runtime.evaluate',
        {expression: code, returnByValue: true}, session);

    if (answer.exceptionDetails)
        throw new Error(answer.exceptionDetails.exception?.description || 'the page threw');
    return answer.result.value;
}

function setWidth(browser, session, width) {
    return browser.call('Emulation.setDeviceMetricsOverride',
        {width, height: 900, deviceScaleFactor: 1, mobile: false}, session);
}

function setColors(browser, session, value) {
    return browser.call('Emulation.setEmulatedMedia',
        {features: [{name: 'prefers-color-scheme', value}]}, session);
}

async function checkFile(browser, session, file) {
    const alone = file.endsWith('.svg');
    const grounds = new Set();
    const loaded = browser.event('Page.loadEventFired');
    let wrong = [];

    await browser.call('Page.navigate', {url: `file://${path.resolve(file)}`}, session);
    await loaded;
    for (const colors of ['light', 'dark']) {
        await setColors(browser, session, colors);
        grounds.add(await evaluate(browser, session, `(${ground})()`));
        // Colours move nothing: in the dark one width is enough.
        for (const width of alone || colors === 'dark' ? [800] : WIDTHS) {
            await setWidth(browser, session, width);
            const found = await evaluate(browser, session, `(${measure})(${alone}, ${file.endsWith('hard.html')})`);
            wrong = wrong.concat(found.map((text) => `${width}, ${colors}: ${text}`));
        }
    }
    if (grounds.size !== 2)
        wrong.push('light and dark are the same');
    await setColors(browser, session, 'light');
    wrong.slice(0, 40).forEach((text) => console.log(`${path.basename(file)}: ${text}`));
    console.log(`${path.basename(file)}: ${wrong.length} faults`);
    return wrong.length;
}

async function takePicture(browser, session, file) {
    await setWidth(browser, session, 1280);
    const size = (await browser.call('Page.getLayoutMetrics', {}, session)).cssContentSize;
    const clip = {x: 0, y: 0, width: size.width, height: Math.min(size.height, 12000), scale: 1};
    const picture = await browser.call('Page.captureScreenshot',
        {captureBeyondViewport: true, clip}, session);

    fs.writeFileSync(file, Buffer.from(picture.data, 'base64'));
}

async function main() {
    const [program, picture, ...files] = process.argv.slice(2);
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'chromium-'));
    const browser = new Browser(program, folder);
    const requests = [];
    let faults = 0;

    const {targetId} = await browser.call('Target.createTarget', {url: 'about:blank'});
    const {sessionId} = await browser.call('Target.attachToTarget', {targetId, flatten: true});
    browser.listeners.push((message) => {
        // An error page of the browser brings pictures of its own as data.
        if (message.method === 'Network.requestWillBeSent' &&
            !message.params.request.url.startsWith('data:'))
            requests.push(message.params.request.url);
    });
    await browser.call('Page.enable', {}, sessionId);
    await browser.call('Network.enable', {}, sessionId);
    for (const file of files) {
        faults += await checkFile(browser, sessionId, file);
        if (file === files[0])
            await takePicture(browser, sessionId, picture);
    }
    if (requests.length !== files.length) {
        console.log(`asked for ${requests.length} documents: ${requests.join(' ')}`);
        faults += 1;
    }
    await browser.call('Browser.close').catch(() => {});
    await browser.ended;
    fs.rmSync(folder, {recursive: true, force: true});
    process.exit(faults ? 1 : 0);
}

main().catch((error) => {
    console.log(error.message);
    process.exit(1);
});
