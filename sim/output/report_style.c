// SPDX-License-Identifier: Apache-2.0
#include "sim/output/report_style.h"

static const char screen[] =
    // Colours, by day, by night, on paper.
    ":root{--ink:#1f2328;--soft:#59636e;--rule:#d8dde3;--ground:#f6f7f9;--card:#fff;"
    "--accent:#0072b2;--zebra:#f6f8fa}\n"
    "@media screen and (prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a3adb8;"
    "--rule:#2c333b;--ground:#0b0e12;--card:#12161c;--accent:#5aa9e6;--zebra:#181d24}}\n"
    "@media print{:root{--ground:#fff}}\n"
    // Page.
    "*{box-sizing:border-box}\n"
    "html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}\n"
    "body{margin:0 auto;max-width:1240px;padding:40px 24px 64px;background:var(--ground);"
    "color:var(--ink);font:15px/1.55 system-ui,-apple-system,\"Segoe UI\",Roboto,"
    "\"Helvetica Neue\",\"DejaVu Sans\",sans-serif}\n"
    "h1,h2,figcaption{line-height:1.25;text-wrap:balance;font-weight:650}\n"
    "h1{font-size:30px;margin:0 0 20px;letter-spacing:-.01em}\n"
    "h2{font-size:22px;margin:0 0 4px;letter-spacing:-.01em}\n"
    "code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\","
    "monospace}\n"
    // Header.
    ".brand{margin:0 0 4px;color:var(--accent);font-weight:650;font-size:13px;"
    "letter-spacing:.08em;text-transform:uppercase}\n"
    "dl{display:flex;flex-wrap:wrap;gap:14px 36px;margin:0;padding:16px 0;"
    "border-top:1px solid var(--rule);border-bottom:1px solid var(--rule)}\n"
    "dl .wide{flex:1 1 100%;min-width:0}dt{color:var(--soft);font-size:12px}"
    "dd{margin:0;font-variant-numeric:tabular-nums}\n"
    "dd code{font-size:13px;overflow-wrap:anywhere}dd span{display:inline-block;max-width:100%}\n"
    "nav{display:flex;flex-wrap:wrap;gap:6px 20px;margin-top:14px}"
    "nav a{color:var(--accent);text-decoration:none}nav a:hover{text-decoration:underline}\n"
    // Questions.
    "section{margin-top:56px}\n"
    ".caption{margin:0 0 14px;color:var(--soft);overflow-wrap:anywhere}\n"
    ".words{margin:0 0 20px;padding:2px 0 2px 16px;border-left:3px solid var(--accent);"
    "font-size:17px;max-width:860px;overflow-wrap:anywhere}\n"
    "figure{margin:0 0 20px;padding:20px 22px 16px;background:var(--card);"
    "border:1px solid var(--rule);border-radius:10px}\n"
    "figcaption{font-size:16px;margin-bottom:12px}\n"
    ".plot{overflow-x:auto}.plot svg{display:block;width:100%;min-width:600px;max-width:720px;"
    "height:auto}\n"
    ".numbers{margin-top:16px;max-height:340px;overflow:auto;border-top:1px solid var(--rule)}\n"
    "table{border-collapse:collapse;width:100%;font-size:13px;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:4px 10px 4px 0;text-align:right;white-space:nowrap;font-weight:400;"
    "vertical-align:top}\n"
    "th:first-child{text-align:left;white-space:normal;min-width:84px}"
    "td:last-child,th:last-child{padding-right:6px}\n"
    "thead th{position:sticky;top:0;background:var(--card);color:var(--soft);font-size:12px;"
    "vertical-align:bottom;box-shadow:inset 0 -1px 0 var(--rule)}\n"
    "tbody tr:nth-child(even){background:var(--zebra)}\n"
    "tbody .panel{background:none}tbody .panel th{padding-top:12px;font-weight:650;"
    "text-align:left}\n"
    ".range{color:var(--soft)}.unprinted{display:none}\n"
    "details{margin:4px 0 0;color:var(--soft)}summary{cursor:pointer}\n"
    "pre{margin:12px 0 0;overflow-x:auto;font-size:12px;line-height:1.45;color:var(--ink)}\n"
    ":focus-visible{outline:2px solid var(--accent);outline-offset:2px}\n"
    "footer{margin-top:48px;padding-top:16px;border-top:1px solid var(--rule);color:var(--soft);"
    "font-size:13px}\n"
    // Room for numbers beside the chart.
    "@media screen and (min-width:1120px){figure{display:grid;gap:0 32px;"
    "grid-template-columns:minmax(0,720px) minmax(0,1fr)}figcaption{grid-column:1/-1}"
    ".numbers{margin-top:0;border-top:0;align-self:start}"
    ".tall{contain:size;align-self:stretch;max-height:none;min-height:270px}}\n"
    "@media (max-width:520px){body{padding:24px 14px 40px}figure{padding:16px 14px 12px}"
    "h1{font-size:25px}.words{font-size:16px}}\n"
    "@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}\n";

static const char paper[] =
    "@media print{@page{margin:16mm 14mm}body{padding:0;max-width:none;font-size:10.5pt}"
    "section{margin-top:28px}figure{border:0;padding:0;margin-bottom:26px}"
    ".words{font-size:12pt}h2,figcaption,.plot,tr{break-inside:avoid}h2,figcaption{"
    "break-after:avoid}.plot{overflow:visible}.plot svg{min-width:0;max-width:100%}"
    ".numbers{max-height:none;overflow:visible}.numbers.long,details,nav{display:none}"
    ".unprinted{display:block;color:var(--soft);font-size:9pt}table{font-size:9pt}"
    "thead{display:table-header-group}thead th{position:static}"
    "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}\n";

void report_style(struct buffer *out)
{
    buffer_add_format(out, "%s%s", screen, paper);
}
