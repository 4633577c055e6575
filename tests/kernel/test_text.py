"""Markdown from strangers: what it becomes, and what must not come through."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.kernel import render_markdown
from qunclub.kernel.text import MAX_LENGTH, plain

ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<img src='x' onerror='alert(1)' />",
    "![x](javascript:alert(1))",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](vbscript:msgbox(1))",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='https://ok.example' onclick='alert(1)'>x</a>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<iframe src='https://evil.example'></iframe>",
    "<object data='x'></object><embed src='x'>",
    "<form action='https://evil.example'><input name=password></form>",
    "<style>body{display:none}</style>",
    "<p style='position:fixed;inset:0'>x</p>",
    "<base href='https://evil.example'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<link rel=stylesheet href='https://evil.example/x.css'>",
    "<div id='csrf_token' class='qc-header' hx-get='/admin' hx-trigger='load'>x</div>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><img src=x onerror=alert(1)>-->",
    "```html\n<script>alert(1)</script>\n```",
    "`<script>alert(1)</script>`",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "[x]: javascript:alert(1)\n\n[x]",
    "# <img src=x onerror=alert(1)>",
    "| a | b |\n|---|---|\n| <script>alert(1)</script> | x |",
    "*[HTML]: <script>alert(1)</script>\n\nHTML",
    "[^1]\n\n[^1]: <script>alert(1)</script>",
    "p {: onclick=alert(1) }",
    "# Title {: onclick=alert(1) style=color:red }",
    "$\\href{javascript:alert(1)}{x}$",
    "$\\text{<script>alert(1)</script>}$",
    "$\\class{qc-header}{x}$ $\\style{color:red}{x}$",
    "<span class='arithmatex'>\\(</span><script>alert(1)</script>\\)</span>",
    "> [!NOTE] <img src=x onerror=alert(1)>\n> <script>alert(1)</script>",
    "> [!onclick=x]\n> x",
    "\ue0000\ue001 $<script>alert(1)</script>$",
    '```python {onclick="alert(1)" style="x"}\nx\n```',
]
DANGER = re.compile(
    r"<\s*(script|style|iframe|object|embed|form|input|svg|base|meta|link|template|noscript)\b"
    r"|<[^>]*\s(on\w+|style|hx-[\w-]+|data-[\w-]+)\s*="
    r"|<[^>]*\sclass=\"(?!(highlight|footnote|task-list|qc-callout[a-z -]*|qc-check|[a-z][a-z0-9]{0,2})?\")"
    r"|<[^>]*(href|src)\s*=\s*[\"']?\s*(javascript|data|vbscript):",
    re.IGNORECASE,
)


@pytest.mark.parametrize("source", ATTACKS)
def test_attacks_come_out_harmless(source: str) -> None:
    html = render_markdown(source)
    assert not DANGER.search(html), html


@pytest.mark.parametrize(
    "source", ["<script>x</script>", "<p onclick='x'>", "<a href='javascript:x'>", "<i style='x'>"]
)
def test_the_danger_is_seen(source: str) -> None:
    assert DANGER.search(source)


@given(
    st.text(
        alphabet=st.sampled_from("<>\"'`[]()!#*_-=:;/& \n\tascriptjvonexml{}\\$^~\ue000\ue001" + "01"),
        max_size=120,
    )
)
def test_whatever_is_typed_comes_out_harmless(source: str) -> None:
    assert not DANGER.search(render_markdown(source))


def test_what_people_write_looks_right() -> None:
    html = render_markdown(
        "# 标题\n\n第一行\n第二行\n\n- 一\n- 二\n\n1. x\n\n> 引用\n\n**粗** `码`\n\n| a | b |\n|--:|---|\n| 1 | 2 |\n"
    )
    assert '<h2 id="s-标题">标题</h2>' in html
    assert "第一行<br>" in html
    for tag in ("<ul>", "<ol>", "<blockquote>", "<strong>粗</strong>", "<code>码</code>", "<table>", "<td"):
        assert tag in html


def test_a_page_keeps_its_only_h1() -> None:
    assert "<h1" not in render_markdown("# one\n\n<h1>two</h1>")


def test_headings_go_down_one_level_at_a_time() -> None:
    html = render_markdown("## a\n#### b\n# c\n\n<h5>d</h5>\n")
    assert re.findall(r"<(/?h\d)", html) == ["h2", "/h2", "h3", "/h3", "h2", "/h2", "h3", "/h3"]


def test_links_do_not_vouch_for_where_they_lead() -> None:
    html = render_markdown("[x](https://example.com) <mailto:a@example.com>")
    assert 'href="https://example.com"' in html
    assert "nofollow" in html and "noopener" in html


def test_relative_links_and_pictures_stay() -> None:
    html = render_markdown("[x](/courses/a) ![图](/static/a.png)")
    assert 'href="/courses/a"' in html and 'src="/static/a.png"' in html and 'alt="图"' in html


def test_a_book_is_cut() -> None:
    assert len(render_markdown("x" * (MAX_LENGTH + 5000))) < MAX_LENGTH + 100


def test_plain_words() -> None:
    html = render_markdown("# 标题\n\n一 & 二 <b>粗</b> 1 < 2")
    assert plain(html) == "标题 一 & 二 粗 1 < 2"
    assert plain(html, 4) == "标题…"
    assert plain("<p>&amp;lt;</p>") == "&lt;", "what was escaped twice is not unescaped twice"


def test_callouts_are_marked_by_their_kind() -> None:
    html = render_markdown("> [!WARNING]\n> Mind the gap\n\n> [!TIP] Own title\n> x\n\n> a plain quote")
    assert '<div class="qc-callout qc-callout-warning">' in html
    assert '<p class="qc-callout-title"></p>' in html
    assert '<p class="qc-callout-title">Own title</p>' in html
    assert "<blockquote>\n<p>a plain quote</p>" in html


def test_mathematics_is_set_without_a_script_and_money_is_not_mathematics() -> None:
    html = render_markdown("It costs $2.00 or $10.\n\nThen $E=mc^2$ and\n\n$$\n\\frac{a}{b}\n$$\n")
    assert "It costs $2.00 or $10." in html
    assert '<math display="inline"><mrow><mi>E</mi>' in html
    assert '<div class="qc-math"><math display="block">' in html
    assert "<mfrac>" in html


def test_what_cannot_be_read_as_a_formula_is_shown_as_written() -> None:
    assert "<code>" + "x" * 3000 + "</code>" in render_markdown("$" + "x" * 3000 + "$")
    assert "math" not in render_markdown("\ue0000\ue001")


def test_footnotes_lead_there_and_back() -> None:
    html = render_markdown("Said[^1].\n\n[^1]: Where it stands.")
    assert '<sup id="s-fnref:1"><a href="#s-fn:1"' in html
    assert '<li id="s-fn:1">' in html
    assert 'href="#s-fnref:1"' in html


def test_code_is_coloured_by_its_language_and_left_alone_without_one() -> None:
    assert '<span class="k">def</span>' in render_markdown("```python\ndef f(): pass\n```")
    assert "<code>def f(): pass" in render_markdown("```\ndef f(): pass\n```")


def test_tasks_are_shown_as_boxes() -> None:
    html = render_markdown("- [x] read\n- [ ] write")
    assert '<span class="qc-check">☑</span> read' in html
    assert '<span class="qc-check">☐</span> write' in html


def test_a_link_to_a_heading_of_the_same_text_finds_it() -> None:
    html = render_markdown("## Why one\n\n[up](#why-one)")
    assert 'id="s-why-one"' in html
    assert 'href="#s-why-one"' in html
