"""What values of each kind look like. Data only."""

from __future__ import annotations

import re

from memory.backends.reader.claim_patterns import KINSHIP, MONTH, QUALITY, RELATION, WEEKDAY
from memory.backends.reader.values import kind_pattern
from memory.text.values import AMOUNT, DATE, LASTING

FLAGS = re.IGNORECASE | re.VERBOSE
_DATE, _AMOUNT, _LASTING = (one.pattern.replace(" ", r"\ ") for one in (DATE, AMOUNT, LASTING))
_PRONOUN = r"(?:i|we|he|she|it|they|you|my|our|his|her|its|their|the)(?:['’]\w+)?\s"

# Where another clause begins.
JOINT = re.compile(
    rf""";\s+|\s-\s(?!\d)|\.\.\.\s*|,\s+(?=(?:which|who|where)\s)|,\s+(?=(?-i:[A-Z])\w+['’]s\s)
    |,\s+(?:(?:and|but|so|because|while)\s+)?(?={_PRONOUN})|,?\s+(?:but|because|while|so)\s+
    |,?\s+and\s+(?=(?-i:[A-Z])[\w.]+(?:\s(?-i:[A-Z])\w+)?\s+(?:took|is|has|was|will|\w+(?:ed|s))\s)
    |,?\s+and\s+(?=(?:started|stopped|took|signed|opened|bought|got|went|moved|joined|switched)\s)
    |,?\s+and\s+(?=(?:has|have|is|was|lives?|works?|runs?|owns?|loves?|likes?|plays?|drives?)\s)
    |,?\s+and\s+(?={_PRONOUN}|(?!\w+s?\s+(?:and|are)\b)(?-i:[a-z])\w*(?:s|ed|t)\s+
      (?:at|on|in|to|from|a|an|the|my|our|by)\s)""",
    FLAGS,
)
LEANS = re.compile(
    r"""(?:(?:and|but|so|also)\s+)?(?:he|she|it|they|his|her|its|their|which|who|where|this|that)\b
    |(?:it|he|she)['’]s|(?:and|but|is|has|have|was|lives?|works?|runs?|owns?|loves?|likes?|plays?|drives?)\s""",
    FLAGS,
)
# Where a value ends that was read to the end of the clause.
END = re.compile(
    r"""\s*(?:;|,\s+(?:and|but|so|which|who|because|since|where|when|though|i|we|my|he|she|they|the)\b|,\s*$
    |\s+(?:because|since|but|so|which|who|although|though|while|when|if|unless|until|before|after|as)\b
    |\s-\s|\s\()""",
    FLAGS,
)
# What a value does not begin and end with.
EDGE = re.compile(
    r"""^(?:(?:[,:=-]|is|are|was|were|am|['’]s|has|have|had|got|having|will|be|been|called|named|now|currently
    |still|also|just|only|always|usually|(?:i|we|he|she|it|they)(?:['’](?:m|re|s|ve|ll))?|do|does|did|for\ us
    |for\ me|me|us|to\ be|needs?(?:\ to)?|down|of\ course|mostly|mainly)(?=\s)\s+)+""",
    FLAGS,
)
TAIL = re.compile(
    r"""(?:\s+(?:and|or|of|to|for|with|at|in|on|from|by|between|the|a|an|is|are|was|were|as|my|our|i|we|s|now
    |these\ days|too|also|again|please|instead|anymore|today|currently|nowadays|though|by\ the\ way|btw
    |at\ the\ moment|right\ now|still)|[\s.,;:!?…-])+$""",
    FLAGS,
)
# Where and when something is, behind what it is.
CIRCUMSTANCE = re.compile(
    rf"""\s+(?:at|in|on|from|near|for|since|until|by|during|around|with|to)\s+\S.*$
    |\s+(?:every|each|last|next|this)\s(?:{WEEKDAY}|week|month|year|day|morning|evening).*$
    |\s+(?:today|yesterday|tomorrow|tonight)\b.*$""",
    FLAGS,
)
BE = r"(?:is|are|was|were|am|['’]s|['’]re|['’]m|will\ be|(?:has|have)\ been|becomes?|became|means|runs|:|=|-)"
COPULA = re.compile(
    rf"""(?:\s+(?:from|of|at|in|for|on|to)\s(?:[\w'’-]+\s+){{1,3}}(?=(?:is|are|was)\s))?\s*(?:\([^)]*\)\s*)?
    {BE}(?=\W|$)\s*(?:(?:now|currently|still|always|actually|just|really|also|only)\s+)?
    (?:(?:called|named|(?P<there>at|on|in)|due|set\ to|about|around|approximately)\s+)?""",
    FLAGS,
)

PLACE_WORD = (
    r"(?:in|at|on|under|behind|near|next\ to|from|to|into|above|below|inside|outside|by|beside|between"
    r"|opposite|over|underneath|against|around|across\ from|in\ front\ of|on\ top\ of|close\ to|off)"
)
_NO_PLACE = (
    r"(?:\d|(?:the\ )?(?:\d|mornings?|afternoon|evening|night|weekend|moment)"
    r"|(?:the\ )?(?:time|noon|midnight|due"
    rf"|{WEEKDAY}s?|{MONTH}|spring|summer|autumn|winter|week|month|year|next|last|every)\b)"
)
PLACE = re.compile(rf"(?<!\w){PLACE_WORD}\ (?!{_NO_PLACE})(?=\S)", FLAGS)
BARE_PLACE = re.compile(r"^(?:in|at|to|from|into)\s+(?=[^\W\d_a-zß-öø-ÿ])")
NOT_WHERE = re.compile(r"\b(?:with|called|named|by|for|am\ an?|is\ an?)$", FLAGS)
AT_HOME = re.compile(
    r"""\b(?:liv\w+|home|house|flat|apartment|address|mov\w+|based|relocat\w+|resid\w+|settl\w+|from|rent\w*
    |street)\b|\bi(?:['’]m|\ am|m)\ in\b""",
    FLAGS,
)
PURPOSE = re.compile(r",?\s+(?:and|with|for|to\ (?:see|meet|get|buy|visit))\s.*$", FLAGS)

_HOUR = r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_MINUTES = r"(?:(?:a\ )?quarter|half|five|ten|twenty(?:[\ -]five)?)"
_CLOCK = (
    r"(?:\d{1,2}[:.]\d\d(?:\ ?[ap]\.?m\b)?|\d{1,2}\ ?[ap]\.?m\b"
    rf"|(?:{_MINUTES}|\d{{1,2}})\ past\ (?:{_HOUR}|\d{{1,2}})\b|{_MINUTES}\ to\ (?:{_HOUR}|\d{{1,2}})\b"
    rf"|(?:{_HOUR}|\d{{1,2}})\ o['’]clock\b"
    rf"|(?<=at\ ){_HOUR}(?:\ (?:fifteen|thirty|forty-five))?\b(?!\ (?:euros?|dollars?|pounds?|percent)\b)"
    r"|noon|midnight)"
)
_ORDINAL = (
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth"
    r"|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth"
    r"|twenty-(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|thirty-first)"
)
_DAY = (
    rf"(?:\d{{1,2}}\ ?[-–]\ ?\d{{1,2}}(?![\d-])|{_DATE}|\d{{4}}-\d\d-\d\d|\d{{1,2}}/\d{{1,2}}(?:/\d{{2,4}})?"
    r"|(?:the\ )?\d{1,2}(?:st|nd|rd|th)\b(?:\ of\ (?:the|each|every)\ month)?"
    rf"|(?<=on\ )the\ {_ORDINAL}\b(?!\ \w)|the\ {_ORDINAL}\ of\ {MONTH}\b|{MONTH}\ (?:the\ )?{_ORDINAL}\b"
    rf"|{WEEKDAY}s?\b|{MONTH}\ \d{{4}}\b|{MONTH}\b|(?:1[89]|20)\d\d\b)"
)
_SEASON = r"(?:spring|summer|autumn|fall|winter)"
_POINT = (
    rf"(?:{_CLOCK}|{_DAY}|(?<=at\ )\d{{1,2}}\b(?!\s*[€$%])"
    rf"|(?:this|next|last)\ (?:week|month|year|weekend|{_SEASON}|{WEEKDAY})\b"
    r"|(?:today|tomorrow|tonight|yesterday)\b|weekends?\b|weekdays\b|(?:nights|mornings|evenings|afternoons)\b|easter\b|christmas\b"
    rf"|(?:mid|early|late)[\ -]{MONTH}\b|{_SEASON}\ (?:of\ )?\d{{4}}\b)"
)
WHEN = re.compile(
    rf"""(?<![\w.-])(?:every|each)\ (?:other\ |second\ )?
      (?:morning|afternoon|evening|night|day|week|month|year|weekend)\b
      (?:\ (?:at|before|after|around)\ {_CLOCK})?
    |(?<=in\ the\ )(?:mornings?|afternoons?|evenings?)\b
    |(?<![\w.-])(?:(?:every|each|first|second|third|last)\ (?:other\ |second\ )?)?{_POINT}
    (?:\ (?:morning|afternoon|evening|night)s?\b)?
    (?:(?:,?\ (?:and|to|till|until|at|from|on|in|of|in\ the|or|between)\ (?:the\ )?|\ ?[-–]\ ?|,\ |\ )
      (?:every\ )?(?:{_POINT}|\d{{1,2}}\b(?!\s*[€$%])|morning\b|afternoon\b|evening\b))*""",
    FLAGS,
)
UNTIL_WHEN = re.compile(
    rf"\s+(?:(?:on|at|from|in|by|until|since|for|every)\s+)?(?:the\s+)?(?:{WHEN.pattern})", FLAGS
)
TIME_OF_DAY = re.compile(
    rf"(?<![\w.]){_CLOCK}(?:(?:\ ?[-–]\ ?|\ (?:to|till|until|and)\ ){_CLOCK})?|(?<=at\ )\d{{1,2}}\b", FLAGS
)
YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b")
SOME_TIME = re.compile(
    rf"\d|day|time|week|month|noon|night|morning|evening|\b(?:{_HOUR}|{_ORDINAL}|{MONTH}|{_SEASON}|easter|christmas)\b",
    FLAGS,
)

NUMBER_WORD = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|a\ dozen|fifteen|twenty|thirty"
    r"|half\ an?)"
)
COUNT = (
    r"(?<!\bat\ )(?<!\buntil\ )(?<!\bfrom\ )(?<!\bsince\ )(?<!\bin\ )"
    rf"(?:[$€£]\s?)?(?<![\w.:])(?:\d[\d.,]*(?<=\d)k?\b|{NUMBER_WORD}\b)"
    r"(?!:\d|[./-]\d|st\b|nd\b|rd\b|th\b|\ ?[ap]\.?m\b)"
)
MUCH = re.compile(
    rf"""{_LASTING}|(?:[$€£]\s?\d[\d.,]*(?<=\d)|{_AMOUNT}|{COUNT})
    (?:\s?(?:euros?|dollars?|pounds?|francs?|years?|months?|weeks?|days?|hours?|minutes?|kg|cm|km|metres?|meters?
      |miles?|eur|usd|gbp|percent|%|people|times)\b)?(?:\ and\ a\ half)?
    (?:\ (?:a|an|per|each|every)\ (?:month|week|day|year|night|hour|person|head|kilo|piece)\b)?""",
    FLAGS,
)
SOME_NUMBER = re.compile(rf"\d|\b{NUMBER_WORD}\b", FLAGS)
AGE = re.compile(
    rf"""{COUNT}(?:\ and\ a\ half)?(?:[\ -](?:years?|months?|weeks?|days?)(?:[\ -]old)?\b)?
    (?!\ ?(?:[$€£%]|(?!(?:and|now|old|today|in|on|at|next|this|but|so|already|years?|months?)\b)[a-z]))""",
    FLAGS,
)
I_AM_TALL = re.compile(r"\bI(?:['’]m|\ am)\b.*\btall\b|\bmy\ height\b", FLAGS)
I_AM_OLD = re.compile(rf"\bI(?:['’]m|\ am|\ just\ turned|\ turned)\ (?:[A-Z]\w+,\ )?(?={COUNT})", FLAGS)
# What somebody does for a living: "works as a baker", "is a lawyer".
JOB = re.compile(
    r"""\b(?:work(?:s|ing|ed)?\s+as|job(?:\s+title)?\s+is|profession\s+is|is|am|are|was|['’]m|['’]s|became)\s+
    (?:(?:now|currently|still)\s+)?(?:an?\s+|the\s+)(?P<said>\w.*)
    |\bjob(?:\s+title)?(?:\s+is|:)\s+(?P<bare>\w.*)
    |\bI(?:['’]m|\ am)\s+(?-i:[A-Z])\w+,\s+(?:an?\s+)?(?P<named>(?-i:[a-z])[\w\ -]+?)
      \s+(?:at|for|from|in)\b""",
    FLAGS,
)
MY_JOB = re.compile(
    r"\bI(?:['’]m|\ am)\s+(?:(?-i:[A-Z])\w+,\s+(?-i:[a-z])|an?\s)"
    r"|\bI(?:['’]m|\ am)?\s+work(?:ing)?\s+as\b|\bmy\s+(?:job|profession)\b",
    FLAGS,
)
MEASURED = re.compile(r"\s+(wide|tall|high|deep|long|old|heavy|thick|large)\b", re.IGNORECASE)
# What is said of a thing beside what it is: "My locker is broken.", "... is 9 hours long."
BESIDE = re.compile(
    rf"""{QUALITY.pattern}|(?:{RELATION.pattern})\ .*|(?-i:[a-z])\w*ed(?:\ .*)?
    |(?:\d[\d.,]*|{NUMBER_WORD})\ \w+\ (?:long|old|wide|tall|high|deep)""",
    FLAGS,
)
MONEY = re.compile(r"[$€£%]|\b(?:euros?|dollars?|pounds?|kg|km|cm|mg|ml)\b", re.IGNORECASE)
CODE = re.compile(r"\s+(?:no\.?\s+|number\s+|#\s?)?(?P<said>[^\s,;]*\d[^\s,;]*)")
COUNTED = re.compile(rf"(?P<said>{COUNT})(?P<of>(?:\s+[\w-]+){{1,3}})", FLAGS)
UNIT = re.compile(
    r"k?g|ml|l|litres?|liters?|cups?|spoons?|tablespoons?|teaspoons?|grams?|kilos?|m[gl]|gb|mb|tb|euros?|hours?|minutes?",
    re.IGNORECASE,
)
OFTEN = re.compile(
    rf"""\b(?:every|each)\ [\w ]{{2,20}}
    |\b(?:once|twice|(?:{NUMBER_WORD}|\d+)\ times)\ (?:a|an|per|every)\ [\w ]+
    |\b(?:daily|weekly|monthly)\b|\bon\ \w+days\b""",
    FLAGS,
)
LASTS = re.compile(
    r"minute|hour|day|week|month|year|second|\bh\b|min\b|cm|metre|meter|km|mile|page|feet|\bm\b",
    re.IGNORECASE,
)

EMAIL = re.compile(r"[^\s,;:<>\"]+@[^\s,;<>\"]+\w")
PHONE = re.compile(r"(?<![\w-])\+?\(?\d[\d ()/.-]{4,}\d\b")
ADDRESS = re.compile(
    r"""(?:https?://|www\.)\S+\w|\b(?=[\w.-]*[a-z]{2})[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:/\S*\w)?
    |(?<!\w)(?:~?/|[A-Z]:\\)\S+\w""",
    FLAGS,
)
COLOUR = kind_pattern("colour")

PROPER = r"(?:[^\x00-\u02ff\s.,;:!?]+|(?-i:[^\W\d_a-zß-öø-ÿ])[\w'’-]*)"
_LINK = r"\s(?:the|of|de|da|do|dos|das|di|du|des|del|van|von|der|la|le|les|el|y|e|und)\s"
_NUMBERED = r"\s\d[\w.-]*\b(?!\s(?:years?|months?|weeks?|days?|hours?|times?|people|k[gm]|euros?)\b)"
LEADING_NAME = re.compile(rf"{PROPER}(?:(?:,\s|\s(?:and|&)\s|{_LINK}|\.?\s){PROPER}|{_NUMBERED})*")
NAMED = re.compile(
    r"""\b(?:called|named|goes\ by|by\ the\ name\ of|nicknamed)\s+
    |\b(?:name|names|nickname|surname)(?:\ (?:is|are|was|were)|:|['’]s)\s+(?:called\s+)?""",
    FLAGS,
)
I_AM = re.compile(r"\b(?:I['’]m|I am|this is|[Cc]all me|calls me)\s+(?=[^\W\d_a-z])")
PERSON = re.compile(rf"{PROPER}|(?i:\b(?:dr|mr|mrs|ms|prof|{KINSHIP})\b)")
RELATIVE_CLAUSE = re.compile(r"(?:my|our|the)\s[\w'’-]+(?:\s[\w'’-]+){0,2}", re.IGNORECASE)
UNTIL = re.compile(rf"\b(?:until|till|since)\s+(?:{WHEN.pattern})", FLAGS)
BY_ROLE = re.compile(r"(?:my|our|his|her|the|dr|mr|mrs|ms|prof)\b", re.IGNORECASE)
NO_NAME = re.compile(
    rf"(?:an?|not|very|so|on|in|at|with|from|for|{WEEKDAY}|{MONTH}|i|the\ same|here|there|\d+)\b", FLAGS
)
NOBODY = re.compile(r"(?:i|we|my|our|the|he|she|it|they)\b", re.IGNORECASE)
PASSIVE = re.compile(r"\b(?:\w+ed|led|run|made|paid|owned|written|drawn|given)\s+(?:\w+\s+)?by\s+")
FIRST_NAME = re.compile(
    rf"({PROPER}(?:\.?\s{PROPER})*)\s+(?!(?:my|our|the|an?|to|from|in|on|at|for|with|up|off)\b)", re.VERBOSE
)
AS_ROLE = re.compile(r"\bas\s+(?:(?:the|our|my)\s+)?$")
SINCE = re.compile(rf"(?:since|from|as\ of)\ (?:{WHEN.pattern}),?\ ", FLAGS)
SUBJECT = re.compile(rf"(?P<said>.+?)\s+{BE}\s+(?:now\s+)?(?:(?:my|our|the|an?|your)\s*)?", FLAGS)
# How something is done: "in cash", "by bike".
MANNER = re.compile(
    r"""\b(?:in\ cash|in\ person|in\ instal\w+|on\ foot|by\ (?!the\b|\d|then\b)[\w-]+
    (?:\ transfer|\ card|\ debit|\ post)?
    |(?:via|through|over)\ [\w-]+(?:\ [\w-]+)?)\b""",
    FLAGS,
)
# What a change began from, which is no longer so: "from Monday" of "moved it from Monday to Friday".
CHANGED_FROM = re.compile(
    r"""(?P<verb>\b(?:mov|chang|switch|shift|push|postpon|resched|transferr|convert|renam|rais|reduc|increas)\w*\b
    [^.;]*?)\s+from\s+[^.;]*?(?=\s+to\s)""",
    FLAGS,
)
# A time behind a name, which is no part of it.
TIME_BEHIND = re.compile(
    r"\s(?:(?:last|next|this|every)\s|(?:yesterday|today|tomorrow|tonight)\b)", re.IGNORECASE
)
# What stands before an answer to a question: "Yes, it's Rex."
SAYING = re.compile(
    r"""(?:(?:yes|yeah|no|sure|ok|okay|well|oh|only|just|it['’]s|it\ is|that['’]s|that\ would\ be|i\ think
    |at|on|in)[,:]?\s+)+""",
    FLAGS,
)
# That the speaker is reached so: "You can write to me at ...".
TO_ME = re.compile(
    r"""\b(?:me|my|i|our|us)\b.*\b(?:call|called|reach|phone|e-?mail|mail|write|text|address)\b
    |\b(?:call|reach|phone|e-?mail|mail|write|text)\b.*\b(?:me|my|us|our)\b
    |\bmy\ (?:new\ )?number\b|\ba\ new\ (?:phone\ )?number\b""",
    FLAGS,
)
