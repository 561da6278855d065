"""The sentences that `claims.py` understands. Data only."""

from __future__ import annotations

import re

_FLAGS = re.IGNORECASE | re.VERBOSE

# What says that something holds beside what was told before, and not in its place.
ADDITION = re.compile(
    r"""\b(?:also|as\ well|again|another|additional(?:ly)?|in\ addition|besides|plus|moreover|furthermore|both
    |second|third|other|else|either|alternative|sometimes|often|usually
    |too(?!\ (?:expensive|much|many|late|early|small|big|far|busy|old|young|long|short|slow|loud|hot|cold
      |tight|hard|heavy|difficult|tired)\b))\b""",
    _FLAGS,
)
# What may stand before a statement without being part of it.
OPENERS = re.compile(
    r"""^(?:(?:actually|also|and|but|by\ the\ way|correction|for\ the\ record|fyi|good\ news|hey|hi|hello
    |in\ fact|just\ so\ you\ know|listen|no|note|now|oh|ok|okay|please\ note|remember|sorry|so|update|wait
    |well|yes|from\ now\ on|as\ of\ (?:today|now)|i\ mean|i\ meant|i\ think|it\ is\ said
    |you\ should\ know|i\ want\ you\ to\ know|please\ remember|don'?t\ forget|as\ you\ know
    |forget\ (?:that|it|what\ i\ (?:said|told\ you))|scratch\ that|never\ ?mind(?:\ that)?|oops
    |my\ (?:mistake|bad)
    |i\ was\ wrong|that\ was\ wrong|change\ of\ plans?|new\ plan|rather|starting\ (?:today|tomorrow
    |this\ week)
    |since\ (?:today|yesterday|this\ week|last\ (?:week|month|year))|today|yesterday|this\ week
    |one\ more\ thing|quick\ update|for\ you|to\ be\ clear|honestly|let\ me\ (?:add|say)
    |i\ (?:should|must)\ add|in\ case\ (?:it\ matters|it\ helps|you\ (?:need\ it|ask|wonder|care))
    )(?:\s+that)?[,:;]?\s+)+""",
    _FLAGS,
)
ADVERBS = re.compile(
    r""",?\s+(?:actually|currently|just|now|nowadays|recently|still|these\ days|at\ the\ moment|instead|too
    |again|by\ the\ way|as\ it\ happens|at\ present|of\ course|from\ now\ on)(?=[\s,.!]|$)""",
    _FLAGS,
)
CONTRACTIONS = (
    (r"\b(i)['’]m\b", r"\1 am"),
    (r"\b(we)['’]re\b", r"\1 are"),
    (r"\b(it)['’]s\b", r"\1 is"),
    (r"\b(i|we)['’]ve\b", r"\1 have"),
    (r"\bisn['’]t\b", "is not"),
    (r"\baren['’]t\b", "are not"),
    (r"\bdon['’]t\b", "do not"),
    (r"\bdoesn['’]t\b", "does not"),
)
DENIAL = re.compile(
    r"\b(?:no longer|(?:do|does) not|is not|are not|am not|used to)\b|\bnot\b(?=.*\bany ?more\b)",
    re.IGNORECASE,
)
# What says that it was otherwise before.
CHANGE = re.compile(
    r"\b(?:no longer|any ?more|used to|not [^,]+? but|now|new|instead|from now on"
    r"|since (?:yesterday|today|last)"
    r"|changed|moved|switched|rescheduled|postponed|shifted|updated|reset|extended|renamed|upgraded)\b",
    re.IGNORECASE,
)
# "Ana is not my boss any more, Ben is": what is so instead.
REPLACED = re.compile(
    r"(?P<old>.+?) is (?:not|no longer) (?P<what>(?:my|our|the) [\w' -]+?)(?: any ?more)?[,;] "
    r"(?:but |it is )?(?P<new>.+?)(?: is)?(?: now)?",
    re.IGNORECASE,
)
# "It is not Monday, the deadline is Friday", "my PIN is not 1 but 2": the rest is what is said instead.
INSTEAD = re.compile(
    r"(?:^(?:it|that) is not [^,]+, (?:but )?|\b(?:not|no longer) [^,]+?(?:,? but|, it is) )"
    r"(?P<rest>(?!(?:at|in|for|on|to)\b).+)$",
    re.IGNORECASE,
)
# What is told of something that one has no longer, or of how it was once.
FORMER = re.compile(
    r"""^(?:my|our|his|her|their|the)\ (?:old|former|previous|late|ex)\b
    |\b(?:was|were|been|be)\ (?:called|named)\b""",
    _FLAGS,
)
# What is said of a thing beside its value: "my password is weak" tells no other password.
QUALITY = re.compile(
    r"""(?:very|really|quite|pretty|rather|getting|far|almost)\ .*|\w+(?:ful|ous|able|ible|less)
    |(?:(?-i:[A-Z])\w+(?:ish|ese|ian)|american|dutch|french|german|greek|swiss|bad|big|broken|closed|cold
    |cool|easy|expired|fine|good|great|hard|high|hot|important|late|long|losing|lost
    |low|missing|nice|noisy|ok|okay|old|open|quiet|ready|safe|secret|short|small|strong|the\ same|tiny|weak
    |winning|wrong)""",
    _FLAGS,
)
# When a value counts that is not the one of every day, or not yet the one of now.
SOMETIMES = re.compile(
    r"""\b(?:on|at|during)\ (?:\w+days|weekends?|holidays)\b|\bevery\ \w+day\b
    |\S\ (?:from\ )?next\ (?:week|month|year)\b""",
    _FLAGS,
)
# Where a value ends that was read to the end of the clause.
ENDS = re.compile(
    r"""(?:[;,]|\s+[-–]|\.\s|\s+(?:and|but|because|since|which|who|so|after|before|until|when|where|if|as
    |not)\b).*$|[.!]+$""",
    _FLAGS | re.DOTALL,
)
# Words that name nothing by themselves.
SMALL = frozenset(
    ("a", "an", "the", "of", "for", "is", "are", "was", "in", "on", "at", "to", "and", "that", "this",
     "there",
     "it", "its", "his", "her", "their", "s", "new", "own", "old")
)  # fmt: skip
# Of these one has several, so that another name adds one.
MANY = re.compile(
    r"""\b(?:(?<!best\ )friend|colleague|neighbou?r|cousin|sister|brother|sibling|aunt|uncle|niece|nephew
    |son|daughter|child|kid|grand\w+|classmate|teammate|student|pupil|guest|client|patient|book|song|film
    |movie
    |hobby|goal|plan|idea|problem|question|answer|thing|one|reason|way|part|point|example|word|in-law
    |relative
    |visitor)s?$""",
    _FLAGS,
)
# Of these there is one at a time.
ATTRIBUTE = re.compile(
    r"""\b(?:address|age|alarm|appointment|birthday|budget|capital|code|colou?r|date|day|deadline|email|fee
    |height|hometown|id|job|key|keyword|license|licence|location|mail|name|number|nickname|occupation
    |password
    |passphrase|phone|pin|plate|platform|position|postcode|price|profession|rate|room|salary|score|seat|size
    |start|street|subject|surname|team|time|title|username|version|weight|zip|language|dish|food|drink
    |sport|season|instrument|fruit|animal|country|city|band|floor|gate|terminal|diet|employer|company)$
    |\b(?:favou?rite|best|worst|weakest|current)\b""",
    _FLAGS,
)
# Of these, what a value may be of any form: of a key or a room, "red" or "nice" is not another one.
FREE = re.compile(
    r"""\b(?:code|colou?r|company|diet|dish|drink|email|employer|food|fruit|hometown|city|instrument|job
    |keyword|language|name|nickname|surname|occupation|passcode|password|passphrase|pin|position
    |profession|season|sport|subject|team|title|username|address|animal|band|country)$|\b(?:favou?rite|best|worst|weakest)\b""",
    _FLAGS,
)
# A value behind one of these is another relation: with whom, under what, for whom, until when.
RELATION = re.compile(
    r"""(?:with|without|under|behind|near|by|for|about|until|till|to|through|between|next\ to|inside
    |outside|above|below|beside|after|before|against|during|over|around|made|paid|led|owned|run|spelled
    |pronounced)\b""",
    _FLAGS,
)
# Where one lives may be said by both: the country, and the town in it.
COUNTRY = re.compile(
    r"""(?:the\ )?(?:algeria|argentina|australia|austria|bangladesh|belgium|bolivia|brazil|britain
    |bulgaria|canada|chile|china|colombia|croatia|cuba|cyprus|czechia|czech\ republic|denmark|ecuador
    |egypt|england|estonia|ethiopia|europe|finland|france|germany|ghana|greece|hungary|iceland|india
    |indonesia|iran|iraq|ireland|israel|italy|jamaica|japan|jordan|kenya|latvia|lebanon|lithuania
    |luxembourg|malaysia|malta|mexico|morocco|nepal|netherlands|new\ zealand|nigeria|northern\ ireland
    |norway|pakistan|peru|philippines|poland|portugal|romania|russia|saudi\ arabia|scotland|senegal|serbia
    |singapore|slovakia|slovenia|south\ africa|south\ korea|spain|sri\ lanka|sweden|switzerland|syria
    |taiwan|tanzania|thailand|tunisia|turkey|uganda|uk|ukraine|united\ kingdom|united\ states|uruguay|us
    |usa|venezuela|vietnam|wales|zambia|zimbabwe|africa|asia|north\ america|south\ america|america
    |california|texas|florida|bavaria|catalonia|scandinavia|brittany|normandy|tuscany|andalusia|cornwall
    |kent)""",
    _FLAGS,
)
# When something was so that need not be so any more, or happened before what holds.
PAST = re.compile(
    r"""\b(?:in\ (?:1[89]|20)\d\d|(?:years?|decades?)\ ago|as\ a\ (?:child|kid|boy|girl|student|teenager)
    |once|originally|back\ then|when\ (?:i|we)\ (?:was|were)
    |for\ (?:a\ (?:day|week|month|year|while)|(?:two|three|a\ few|\d+)\ \w+))\b""",
    _FLAGS,
)
# Work that names no employer: "I work at night".
NO_EMPLOYER = re.compile(r"(?:night|home|weekends?|work|times?|a\b.*|an\b.*|\d.*|it|the\ moment)$", _FLAGS)
# Who belongs to somebody: what is said of one of these is not said of the speaker.
KINSHIP = (
    r"sister|brother|sibling|mother|father|mum|mom|dad|parent|wife|husband|spouse|partner|daughter|son|child|kid"
    r"|aunt|uncle|niece|nephew|cousin|grand\w+|in-law|friend|girlfriend|boyfriend|flatmate|roommate|neighbou?r"
    r"|colleague|boss|classmate|teammate"
)
WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
MONTH = r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
PERSON = re.compile(
    rf"\b(?:{KINSHIP}|doctor|dentist|landlord|coach|lawyer|vet|tutor|therapist|teacher|manager)$",
    re.IGNORECASE,
)
# Kinds of values, by the first pattern that fits one behind its preposition.
SHAPES = tuple(
    (shape, re.compile(pattern, re.IGNORECASE))
    for shape, pattern in (
        ("day", rf"(?:\w+ )?{WEEKDAY}(?: .*)?"),
        ("date", rf".*\b{MONTH}\b.*|(?:on )?\d{{1,4}}[./-]\d{{1,2}}[./-]\d{{1,4}}"),
        (
            "time",
            r"(?:\w+ )?(?:\d{1,2}(?:[:.]\d\d)? ?[ap]\.?m\.?|\d{1,2}:\d\d(?: .*)?|noon|midnight)|at \d{1,2}",
        ),
        ("year", r"in (?:1[89]|20)\d\d"),
        ("numbered", r"(?:\w+ )?(?:room|floor|hall|gate|platform|street|house) \d+\w*"),
        ("number", r"(?:\w+ )?(?:[a-z]+ )?\S*\d.*"),
    )
)
CURRENCY = re.compile(r"[$€£]|\b(?:euros?|dollars?|pounds?|cents?)\b", re.IGNORECASE)
# What only says what kind of value it is: the time of my shift is my shift, where the value is a time.
TELLING = {
    "day": frozenset(("day",)),
    "date": frozenset(("date",)),
    "time": frozenset(("time",)),
    "number": frozenset(("amount",)),
}

_NAME = r"(?!the |that |this |it )(?-i:[A-Z])[\w'’-]+(?: (?-i:[A-Z])[\w'’-]+)?"
_I = rf"(?P<who>i|we|{_NAME}|my [\w' -]+?|our [\w' -]+?)"
_WHO = r"(?P<who>[\w'’ -]+?)"
_X = r"(?P<what>[\w'’$ -]+?)"
_V = r"(?P<value>.+)"
_VALUE = r"(?P<value>[\w'’ -]+?)"
_CAPITAL = r"(?P<value>(?-i:[A-Z]).*)"
_MY = r"(?:my|our|his|her|their|the)"
_HAVE = r"(?:have|has)"
_WORK = r"(?:works?|am working|is working|started working|have a job|has a job)"
_SET = r"(?:set|changed|switched|updated|reset)"
_MOVED = (
    r"(?:moved|changed|switched|shifted|rescheduled|postponed|updated|extended|cut|raised|lowered|reduced|increased"
    r"|upgraded|bumped|pushed|delayed|corrected|put|brought)(?: back| forward| up| down)?"
)

# Pattern of a whole clause, what it adds to the slot, and whether it says that there is one only.
PATTERNS: tuple[tuple[re.Pattern[str], str, bool], ...] = tuple(
    (re.compile(f"^{pattern}$", re.IGNORECASE), adds, firm)
    for pattern, adds, firm in (
        (rf"(?:the )?name of {_X} is {_V}", "name", True),
        (rf"as for {_X}, it is {_V}", "", True),
        (rf"{_I} (?:{_HAVE}(?: got)?|got) an? {_X} (?:called|named) {_V}", "name", False),
        (rf"{_X}(?: is| are|, is) (?:called|named) {_V}", "name", True),  # "my mother called Ben" rang him
        (rf"{_VALUE} is (?:the )?name of {_X}", "name", True),
        (rf"(?:everyone|everybody|we|i) calls? {_X} {_CAPITAL}", "name", False),
        (rf"{_I} (?:called|named|renamed) {_MY} {_X} {_CAPITAL}", "name", True),
        (rf"{_X} goes by (?:the name of )?{_V}", "name", True),
        (rf"{_I} lives? at {_V}", "address", True),
        (rf"{_X} house is at {_V}", "address", True),
        (rf"{_I} (?:lives?|(?:am|is|are) living|resides?) in (?:the city of )?{_V}", "home", True),
        (rf"{_I} (?:{_HAVE} )?(?:moved|relocated)(?: house)?(?: from .+?)? to {_V}", "home", True),
        (rf"{_X} home is in {_V}", "home", True),
        (rf"{_VALUE} is where {_I} lives?", "home", True),
        (rf"{_I} was born (?P<how>in|on) {_V}", "born", True),
        (rf"{_I} (?:{_WORK}|started) (?P<how>in) {_V}", "work", True),
        (rf"{_I} {_WORK} (?:at|for) {_V}", "employer", True),
        (rf"{_I} (?:am|is|are) {_V} years old", "age", True),
        (rf"{_I} (?:{_HAVE} )?turned (?P<value>\d+)", "age", True),
        (rf"{_I} wears? shoes in size {_V}", "shoe size", True),
        (rf"{_I} {_WORK} as an? {_V}", "job", True),
        (rf"{_I} (?:am|is|are) {_V} tall", "height", True),
        (
            rf"(?:i|we|they|he|she|the \w+) (?:have |has )?(?:{_SET}|{_MOVED}) (?P<what>(?:my|our|the) .+?)"
            rf"(?: from .+?)? to {_V}",
            "",
            True,
        ),
        (rf"{_I} (?:{_HAVE} )?(?:{_SET}|{_MOVED}) {_MY} {_X}(?: from .+?)? to {_V}", "", True),
        (rf"{_X} (?:has |have |was |got |been |is )*{_MOVED}(?: from .+?)? to {_V}", "", True),
        (rf"(?:the )?number for {_X} is {_V}", "", True),
        (rf"{_I} {_HAVE} {_MY} {_X} (?P<how>on|at) {_V}", "", True),
        (rf"{_I} (?:works?|is|am) on (?P<what>floor) {_V}", "", True),
        (rf"{_I} {_HAVE} (?:the|a) (?P<what>[\w' -]+ (?:number|plate|code|id)) {_V}", "", True),
        (rf"{_WHO} {_HAVE} (?:an?|the) (?P<what>[\w -]+?) of {_V}", "", True),
        (rf"{_WHO} {_HAVE} the (?P<what>[a-z -]+?) (?P<value>\S*\d\S*|(?-i:[A-Z])\S*)", "", True),
        (
            rf"{_WHO} (?:{_HAVE}|chose|booked|picked) (?P<value>[^,]+?) as "
            rf"(?:(?:{_MY}|its) )?(?P<what>[\w -]+)",
            "",
            True,
        ),
        (rf"{_X} (?:starts|begins|opens) (?P<how>at|on) {_V}", "", True),
        (rf"{_X} (?:ends|closes|finishes|stops|shuts) (?P<how>at|on) {_V}", "end", True),
        (rf"{_X} (?:leaves|departs|goes|takes off) (?P<how>at|on) {_V}", "leave", True),
        (rf"{_X} (?:arrives|lands|gets in) (?P<how>at|on) {_V}", "arrive", True),
        (rf"(?:{_I} (?:{_HAVE}|got) a )?new (?P<what>[\w ]+?)(?: is|:) {_V}", "", True),
        (
            rf"(?P<what>(?:{_MY}|[A-Z]).*?)(?: is| are| turns out to be| will be|:)"
            rf"(?: (?P<how>on|at|in|due on|due by|due|from))? {_V}",
            "",
            True,
        ),
        (
            rf"(?P<value>[^,]+?) is (?P<what>(?:{_MY}|(?-i:[A-Z])\w+['’]s) [\w' -]+)",
            "",
            True,
        ),
    )
)
