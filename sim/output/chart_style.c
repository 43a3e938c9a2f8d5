// SPDX-License-Identifier: Apache-2.0
// Colours of charts, plain values and no variables, so that simple viewers of SVG show them too.
// On screens that prefer dark they are turned over; print is always light.
#include "sim/output/chart.h"

// After Okabe and Ito; yellow is left out on paper and black on dark ground, where neither shows.
static const char *const on_paper[CHART_COLORS] = {"#0072b2", "#d55e00", "#009e73", "#b5558f",
                                                   "#c98500", "#3a95cf", "#4d4d4d", "#7d7400"};
static const char *const on_dark[CHART_COLORS] = {"#5aa9e6", "#f07f3c", "#2fc79c", "#e39ac6",
                                                  "#f0b43c", "#93d0f5", "#d0d0d0", "#e6dc5a"};

static void colors(struct buffer *out, const char *const *list)
{
    for (unsigned i = 0; i < CHART_COLORS; i++)
        buffer_add_format(out,
                          ".chart .s%u .line,.chart .s%u .step,.chart .s%u .whisker{stroke:%s}"
                          ".chart .s%u .dot,.chart .s%u .band,.chart .s%u .bar{fill:%s}\n",
                          i, i, i, list[i], i, i, i, list[i]);
}

// Ink, soft ink, grid, ground.
static void inks(struct buffer *out, const char *const list[4])
{
    buffer_add_format(out,
                      ".chart text{fill:%s}.chart .tick,.chart .axis{fill:%s}\n"
                      ".chart .grid{stroke:%s}.chart .base,.chart .even,.chart .leader,"
                      ".chart .span{stroke:%s}.chart .mark{stroke:%s}\n"
                      ".chart .paper{fill:%s}.chart .dot{stroke:%s}\n",
                      list[0], list[1], list[2], list[1], list[0], list[3], list[3]);
}

void chart_style(struct buffer *out)
{
    static const char *const paper[] = {"#1f2328", "#59636e", "#e4e7eb", "#ffffff"};
    static const char *const dark[] = {"#e8eaed", "#a3adb8", "#30363d", "#12161c"};

    buffer_add_format(
        out,
        ".chart{font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\","
        "\"DejaVu Sans\",sans-serif;font-size:12px}\n"
        ".chart text{font-variant-numeric:tabular-nums}\n"
        ".chart .panel{font-size:13px;font-weight:600}"
        ".chart .title{font-size:16px;font-weight:600}\n"
        ".chart .line,.chart .step{fill:none;stroke-width:2;stroke-linejoin:round;"
        "stroke-linecap:round}\n"
        ".chart .dashed{stroke-dasharray:7 5}.chart .level{stroke-dasharray:2 5}\n"
        ".chart .band{opacity:.16}.chart .thin{opacity:.08}.chart .whisker{stroke-width:1.5}\n"
        ".chart .bar+.whisker{stroke:#000;opacity:.55}\n"
        ".chart .dot{stroke-width:1.2}.chart .mark{stroke-width:2.5}\n"
        ".chart .grid,.chart .base{stroke-width:1}"
        ".chart .even{stroke-width:1;stroke-dasharray:4 4}"
        ".chart .leader{stroke-width:1;opacity:.6}.chart .span{stroke-width:1.5;opacity:.5}\n");
    inks(out, paper);
    colors(out, on_paper);
    buffer_add_format(out, ".chart .bar+.whisker{stroke:#000;opacity:.6}\n");
    buffer_add_format(out, "@media screen and (prefers-color-scheme:dark){\n");
    inks(out, dark);
    colors(out, on_dark);
    buffer_add_format(out, ".chart .bar+.whisker{stroke:#fff}\n}\n");
}
