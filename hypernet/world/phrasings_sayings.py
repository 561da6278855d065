"""What people say of themselves and write down, as templates; `sayings.py` fills them in.

`{v}` is the value, `{x}` another of its kind that is denied or replaced; `[am|is]` the verb for the speaker
and for somebody else; `{S}`, `{s}` the subject, `{h}` its pronoun, `{p}`, `{o}` the possessive, `{n}` a noun.
"""

from __future__ import annotations

RELATIVES = """
    wife ; husband ; mother ; father ; brother ; sister ; son ; daughter ; boss ; manager ;
    neighbour ; flatmate ; girlfriend ; boyfriend ; uncle ; aunt ; cousin ; grandmother ;
    grandfather ; best friend ; dentist ; teacher ; landlord ; colleague ; partner ; mum ; dad ;
    doctor
"""
NATIVE_NAMES = """
    Наталья ; Сергей Иванов ; Екатерина ; Дмитрий ; Ольга Петрова ; Алексей ; محمد ; فاطمة ;
    يوسف ; عائشة ; خالد ; प्रिया ; अर्जुन ; राज कुमार ; सुनीता ; 李伟 ; 王芳 ; 张敏 ; 田中太郎 ; 佐藤花子 ;
    鈴木一郎 ; 김민준 ; 이서연 ; 박지훈 ; Zoë ; José Núñez ; Łukasz ; Björn Sjöström ; Søren ; Çağla ; Đặng
    Thị Hà ; Renée Dubois ; Jürgen Groß ; Ève ; Ángel Muñoz ; Štěpán ; Ioannis ; Γιώργος ; Μαρία
    ; דוד ; שרה ; ნინო ; Արամ ; สมชาย ; Nguyễn Văn An
"""
FILMS = """
    Dr. Strangelove ; Mr. Robot ; The Godfather Part II ; St. Elmo's Fire ; 2001: A Space
    Odyssey ; Who's Afraid of Virginia Woolf? ; Monsters, Inc. ; The Good, the Bad and the Ugly
    ; Crime and Punishment ; One Hundred Years of Solitude ; Mrs. Doubtfire ; WALL-E ; Blade
    Runner 2049 ; To Kill a Mockingbird ; Pride and Prejudice ; The Lord of the Rings ;
    Spider-Man: No Way Home ; Catch-22 ; Ocean's Eleven ; Fahrenheit 451 ; Twelve Monkeys ; La
    La Land ; Les Misérables ; Amélie ; The Girl with the Dragon Tattoo ; Good Will Hunting ;
    Rocky IV ; Se7en ; Good Bye, Lenin! ; E.T.
"""
TRADES = """
    doctor ; vet ; nurse ; teacher ; plumber ; baker ; pilot ; lawyer ; carpenter ; dentist ;
    chef ; farmer ; librarian ; journalist ; electrician ; translator ; tailor ; architect ; bus
    driver ; software engineer ; data scientist ; physiotherapist ; accountant ; midwife ;
    firefighter ; musician ; photographer ; florist ; welder ; surgeon
"""
ALLERGENS = """
    peanuts ; shellfish ; strawberries ; milk ; eggs ; soy ; wheat ; gluten ; sesame ; bee
    stings ; cats ; dust ; pollen ; penicillin ; latex ; kiwi ; walnuts ; fish ; mustard ;
    celery ; almonds ; nickel ; aspirin ; tomatoes ; lupin ; hazelnuts ; oranges ; bananas ;
    feathers ; wool
"""
TASTES = """
    jazz ; opera ; rock ; techno ; country music ; hip hop ; classical music ; folk ; heavy
    metal ; reggae ; blues ; soul ; punk ; K-pop ; disco ; gardening ; cooking ; camping ;
    football ; chess ; crosswords ; horror films ; musicals ; long walks ; board games ; winter
    ; summer ; spiders ; flying ; heights ; dogs ; coffee ; tea ; sushi ; pizza ; olives ;
    mushrooms ; cheese
"""
VEHICLES = """
    Volvo ; Tesla ; Toyota ; Ford Fiesta ; Honda Civic ; Mazda 3 ; Fiat 500 ; Skoda Octavia ;
    BMW ; Mini Cooper ; Renault Clio ; Kia Niro ; Hyundai i20 ; Subaru Outback ; VW Golf ; Audi
    A4 ; Peugeot 208 ; Nissan Leaf ; Dacia Duster ; Jeep Wrangler ; motorbike ; van ; bicycle ;
    scooter
"""
EMPLOYERS = """
    Anthropic ; Google ; Siemens ; IKEA ; Nokia ; the city library ; a bakery ; Bosch ; Philips
    ; the university ; Lidl ; DHL ; a law firm ; the hospital ; Spotify ; Airbus ; Novartis ; a
    startup called Fluxio ; the post office ; KPMG ; Shell ; Heineken ; Lego ; Samsung ; the zoo
    ; Tesco ; Deutsche Bank ; Unilever ; a school ; Netflix
"""
SPOTS = """
    under the mat ; in the garage ; behind the bookshelf ; in the top drawer ; on the kitchen
    table ; in the glove box ; next to the printer ; in my backpack ; at my mother's house ; in
    the blue box ; under the bed ; on the second shelf ; in the safe ; by the front door ; in
    the shed ; inside the piano ; on the windowsill ; above the fridge ; in locker 12 ; at the
    office
"""
TOOLS = """
    vim ; Emacs ; VS Code ; PyCharm ; Python ; Rust ; TypeScript ; Go ; Haskell ; dark mode ;
    light mode ; metric units ; tabs ; spaces ; PostgreSQL ; SQLite ; Fedora ; Ubuntu ; macOS ;
    Firefox ; Chrome ; Celsius ; the 24-hour clock ; short answers ; British spelling ; bullet
    points ; Signal ; email ; phone calls ; window seats ; aisle seats ; hotels ; trains
"""
ENDINGS = """
    com ; org ; net ; io ; de ; co.uk ; dev ; app ; fr ; es ; nl ; eu ; edu
"""
SUFFIXES = """
    yaml ; json ; toml ; py ; md ; csv ; txt ; pdf ; ini ; cfg ; xlsx ; sh ; sql ; docx ; env ;
    log ; tar.gz ; conf
"""
NOUNS = """
    email address=email ; work email=email ; email=email ; website=url ; blog=url ; repo=url ;
    portfolio=url ; config file=file ; thesis file=file ; notes file=file ; server=host ;
    printer's IP=host ; database host=host ; shoe size=size ; ring size=dec ; trouser size=size
    ; wifi password=pw ; password=pw ; router password=pw ; laptop password=pw ; PIN=digits ;
    alarm code=digits ; door code=digits ; locker number=digits ; locker code=digits ; bike lock
    code=digits ; phone number=phone ; mobile number=phone ; emergency number=phone ;
    username=word ; licence plate=code ; booking reference=code ; membership number=code ;
    passport number=code ; flight number=flight ; seat=seat ; gate=code ; birthday=date ;
    wedding anniversary=date ; project deadline=date ; exam date=date ; appointment date=date ;
    due date=date ; opening hours=range ; office hours=range ; favourite colour=colour ;
    favourite film=title ; favourite book=title ; favourite food=food ; favourite drink=drink ;
    favourite song=title ; favourite sport=sport ; favourite animal=animal ; brand colour=hexc ;
    accent colour=hexc ; rent=price ; salary=money ; budget=money ; blood pressure=dec ;
    weight=weight ; height=height ; grade=dec ; hometown=city ; home address=address ;
    address=address ; street=street ; middle name=first ; full name=name ; nickname=word ;
    name=name ; first language=language ; job title=trade ; company=firm ; employer=firm ;
    dentist=name ; doctor=name ; boss=name ; landlord=name ; roommate=name ; teacher=name ;
    manager=name ; lawyer=name ; best friend=name ; cat=pet ; dog=pet ; horse=pet ; goldfish=pet
    ; hobby=hobby ; instrument=instrument ; star sign=word ; car=car ; editor=tool ;
    bank=company ; gym=company ; school=company ; timezone=city ; hotel=company ; room
    number=digits ; bus line=small ; version=version ; blood type=seat ; allergy=eat ; order
    number=code ; tracking number=code ; account number=digits ; tax number=code ; API key=pw ;
    invoice number=code ; flat number=small ; parking spot=seat ; training day=weekday ; bin
    day=weekday ; cleaning day=weekday ; meeting time=time ; departure time=time ; check-in
    time=time ; wake-up time=time ; train=flight ; commit=code ; branch=word ; port=digits ;
    ticket price=price ; deposit=price
"""  # noun=pool of its values
CALLED = frozenset(
    (
        "best friend",
        "boss",
        "cat",
        "dentist",
        "doctor",
        "dog",
        "goldfish",
        "horse",
        "landlord",
        "lawyer",
        "manager",
        "roommate",
        "teacher",
    )
)  # nouns that have a name themselves
TELLS = """
    {O} {n} is {v}. | {O} {n} is {v} | {o} {n} is {v} | {O} {n}: {v} | {O} {n}'s {v}. | {v} is
    {o} {n}. | Please remember that {o} {n} is {v}. | Note: {o} {n} is {v}. | By the way, {o}
    {n} is {v}. | Can you remember {o} {n}? It's {v}. | Just so you know, {o} {n} is {v}! |
    Remember {o} {n}: {v}. | fyi {o} {n} is {v} | Save {o} {n}, it is {v}. | I want you to know
    that {o} {n} is {v}. | {O} new {n} is {v}. | I think I told you already: {o} {n} is {v}. |
    Hi! {O} {n} is {v}, in case you need it. | {O} {n} will be {v}. | Don't forget: {o} {n} is
    {v}. | You can write down {v} as {o} {n}. | It's {v}, {o} {n}. | So yeah, {o} {n} is {v} 🙂 |
    Remind me of {o} {n} later: it is {v}. | The right one for {o} {n} is {v}.
"""
TELLS_NAME = """
    {O} {n} is called {v}. | {O} {n}'s name is {v}. | The name of {o} {n} is {v}. | I have a {n}
    called {v}. | {v} is the name of {o} {n}. | {O} {n}, {v}, is lovely. | We named {o} {n} {v}.
    | {O} {n} is named {v}.
"""
CHANGES = """
    {O} {n} is not {x}, it's {v}. | {O} {n} isn't {x} but {v}. | I changed {o} {n} from {x} to
    {v}. | {O} {n} used to be {x}. Now it is {v}. | {O} {n} was {x}, but it is {v} now. | I
    changed {o} {n} to {v}. | {O} {n} is {x}. Sorry, I meant {v}. | No longer {x}: {o} {n} is
    {v} now. | {O} {n} is no longer {x}, it is {v} from today. | It's wrong that {o} {n} is {x};
    it is {v}. | Not {x}, {v} is {o} {n}. | Instead of {x}, {o} {n} is now {v}. | {O} {n} is
    {v}, not {x}. | Forget {x}, {o} {n} is {v}. | They changed {o} {n} to {v}. | People think
    {o} {n} is {x}, but actually it's {v}.
"""
CHANGES_NAME = """
    {O} {n} is not called {x}, but {v}. | {O} {n} is called {v}, not {x}. | {O} {n} isn't called
    {x}, its name is {v}. | Our {n} is not named {x}; the name is {v}.
"""
DENIALS = """
    {O} {n} is not {x}. | {O} {n} isn't {x}. | It is not true that {o} {n} is {x}. | I wish {o}
    {n} was {x}. | {O} {n} is no longer {x}. | If {o} {n} were {x}, I would be happy. | Imagine
    {o} {n} was {x}! | {O} {n} is definitely not {x}.
"""
ASKS = """
    What is {o} {n}? | What's {o} {n}? | what is {o} {n} | whats {o} {n} | What was {o} {n}
    again? | Tell me {o} {n}. | Do you know {o} {n}? | Do you remember {o} {n}? | {O} {n}? | I
    forgot {o} {n}. | Can you tell me {o} {n}? | Could you remind me of {o} {n}? | Remind me
    what {o} {n} is. | Which {n} did I tell you? | WHAT IS {U}? | And {o} {n}? | Please give me
    {o} {n}. | What did I say {o} {n} was? | Give me {o} {n} | Hey, what’s {o} {n}? | What is
    {o} {n} now? | What's {o} current {n}? | I need {o} {n}. | Say {o} {n}.
"""
ASKS_NAME = """
    What is {o} {n} called? | What's the name of {o} {n}? | What's {o} {n}'s name? | Who is {o}
    {n}? | what is {o} {n} called | How is {o} {n} called? | Do you know the name of {o} {n}? |
    What’s {o} {n}’s name? | By what name does {o} {n} go?
"""
ASKS_KEY = """
    What is the {k}? | What's the {k}? | the {k}? | What is written for {k}? | Which {k} is
    given? | {K}? | Tell me the {k}. | what was the {k} | Do you have the {k}? | What does it
    say about {k}? | What is {E}? | Give me the value of {E}.
"""
LINES = (
    "{K}: {v}",
    "{K}: {v}",
    "{k}: {v}",
    "{K} = {v}",
    "{E}={v}",
    "{E}: {v}",
    "**{K}:** {v}",
    "- {K}: {v}",
    "* {K}: {v}",
    "{k} - {v}",
    "| {K} | {v} |",
    '"{k}": "{v}"',
    "{K} -> {v}",
    "# {K}\n{v}",
    "{K}\n{v}",
    "{s}: {v}",
    '{s} = "{v}"',
    "- **{K}**: {v}",
    "{K}, {v}",
)
HEADINGS = ("", "", "", "Settings\n", "# Notes\n", "My notes:\n", "Contact details\n", "## Trip\n")
ASIDES = """
    Thanks! | How are you? | It's raining here. | Lovely weather today. | I'm a bit tired. |
    Have a nice day. | That's all for now. | Long day today. | The bus was late again. | Anyway.
    | Hope you're well. | I had a good lunch. | lol | ok so | The cat is asleep. | Work was
    busy.
"""
