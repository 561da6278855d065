"""Kinds of facts that training alone knows: it should meet more relations than it is judged on. Data only."""

from __future__ import annotations

from hypernet.world.phrasings import Row

_P = "person"

# ruff: noqa: E501 - a table of phrasings is easier to read with a kind's in few lines
# fmt: off
EXTRA = (
    Row("own", "name", "speaker", "human", ("<name> is {v}", "{S} [am|is] called {v}", "{S} [am|is] {v}",
        "call {O} {v}", "people call {O} {v}", "{S} [go|goes] by {v}", "it's {v} here"), ("what is <name>",
        "what [am|is] {S} called", "who [am|is] {S}", "what do people call {O}", "what's <name>"),
        ("what <name> is", "who {S} [am|is]"), "<name>"),
    Row("own", "nickname;middle name;stage name;user name", _P, "human", (), (), (), "<#>"),
    Row("idols", "favourite actor;favourite author;favourite painter;favourite player;favourite teacher", _P,
        "full", ("{S} [admire|admires] {v}, {H} #",), ("who is <#>",), ("who <#> is",), "<#>"),
    Row("trips", "next trip;honeymoon;school trip;business trip;next holiday;weekend trip", _P, "city",
        ("<#> is to {v}", "<#> goes to {v}", "{S} [go|goes] to {v} for {H} #", "for {H} # {S} [go|goes] to {v}",
        "{S} booked {H} # to {v}"), ("where is <#>", "where does <#> go", "to which city does <#> go"),
        ("where <#> goes",)),
    Row("appointments", "dentist appointment;doctor's appointment;haircut;eye test;check-up;parents' evening;"
        "vet appointment;dinner with friends", _P, "day", ("<#> is on {v}", "{S} [have|has] {H} # on {v}",
        "{S} moved {H} # to {v}", "{v} is when {S} [have|has] {H} #"), ("when is <#>", "on which day is <#>",
        "what day is <#>"), ("when <#> is",)),
    Row("clock", "lecture;dinner;meeting;bus;call;class;training;flight", _P, "time", ("<#> is at {v}",
        "<#> starts at {v}", "{S} [have|has] {H} # at {v}", "<#> begins at {v}", "at {v} {S} [have|has] {H} #"),
        ("what time is <#>", "when does <#> start", "at what time is <#>"), ("when <#> starts",)),
    Row("gates", "gate;platform;terminal;hotel room;table", _P, "small", ("<#> is number {v}", "{S} [have|has] # {v}",
        "{S} [am|is] at # {v}"), ("which # [do|does] {S} have", "what number is <#>"), (), "the number of <#>"),
    Row("kept", "spare key;passport;charger;toolbox;umbrella;first aid kit;sewing kit;tripod;torch;wallet;sunglasses",
        _P, "spot", ("<#> is in {v}", "{S} [keep|keeps] {H} # in {v}", "{S} put {H} # in {v}", "{v} is where <#> is",
        "you will find <#> in {v}", "{S} left {H} # in {v}"), ("where is <#>", "where [do|does] {S} keep {H} #",
        "where did {S} put {H} #", "where did {S} leave {H} #"), ("where <#> is", "where {S} put {H} #")),
    Row("paid", "hotel;flight;new sofa;ticket;laptop;birthday present", _P, "price", ("<#> cost {v}",
        "{S} paid {v} for {H} #", "<#> was {v}", "{S} bought {H} # for {v}"), ("how much did <#> cost",
        "what did <#> cost", "how much did {S} pay for {H} #"), ("what <#> cost",)),
    Row("family", "children;cats;brothers;sisters;grandchildren;bicycles", _P, "party", ("{S} [have|has] {v} #",
        "{S} [have|has] got {v} #", "the number of <#> is {v}"), ("how many # [do|does] {S} have",
        "how many # have {S} got"), ("how many # {S} [have|has]",)),
    Row("learning", "language", _P, "language", ("{S} [am|is] learning {v}", "{S} [take|takes] lessons in {v}",
        "{v} is the language {S} [am|is] learning"), ("which language [am|is] {S} learning",
        "what language [do|does] {S} take lessons in"), ("which language {S} [am|is] learning",)),
    Row("reading", "book", _P, "title", ("{S} [am|is] reading {v}", "the book {S} [am|is] reading is {v}",
        "{S} [have|has] {v} on the bedside table"), ("what [am|is] {S} reading", "which book [am|is] {S} reading"),
        ("what {S} [am|is] reading",)),
    Row("meeting", "friend", _P, "human", ("{S} [am|is] meeting {v} tonight", "{S} [have|has] lunch with {v} today",
        "tonight {S} [am|is] going out with {v}"), ("whom [am|is] {S} meeting", "who [am|is] {S} seeing today"),
        ("whom {S} [am|is] meeting",)),
    Row("moved", "since", _P, "recent", ("{S} [live|lives] here since {v}", "{S} moved here in {v}",
        "{S} came here in {v}"), ("since when [do|does] {S} live here", "when did {S} move here"),
        ("when {S} moved here",)),
    Row("teams", "team", _P, "word", ("{S} [support|supports] {v}", "{S} [am|is] a fan of {v}",
        "<team> is {v}"), ("which team [do|does] {S} support", "what team [am|is] {S} a fan of"),
        ("which team {S} [support|supports]",), "<team>"),
)
# fmt: on
