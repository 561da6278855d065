"""What people say of themselves and others, relation by relation, as templates; `sayings.py` fills them in.

A relation is a block: its name and the pool of its values, how it is told (>), asked (?), denied (!) and
changed (~). The marks in braces are those of `phrasings_sayings.py`.
"""

from __future__ import annotations

RELATIONS = """
live: city
> {S} [live|lives] in {v}. | {S} [moved|moved] to {v} last year. | {S} [am|is] based in {v}. | {S}
  [have|has] lived in {v} since 2019. | {S} [just settled|just settled] in {v}. | {v} is where {s}
  [live|lives].
? Where [do|does] {s} live? | Which city [do|does] {s} live in? | where [do|does] {s} live | In
  which town [am|is] {s} living? | Where [am|is] {s} based? | Where is {p} home? | What city [am|is]
  {s} in?
! {S} [don't|doesn't] live in {x}. | {S} [have|has] never lived in {x}. | {S} [would|would] love to
  live in {x}. | {S} almost moved to {x}, but it fell through.
~ {S} [don't|doesn't] live in {x}, {h} [live|lives] in {v}. | {S} [moved|moved] from {x} to {v}. |
  {S} used to live in {x}, now it is {v}. | {S} left {x} and moved to {v}.

work: firm
> {S} [work|works] at {v}. | {S} [work|works] for {v}. | {S} got a job at {v}. | {S}
  [started|started] at {v} on Monday. | {S} [am|is] employed by {v}.
? Where [do|does] {s} work? | Who [do|does] {s} work for? | Which company [do|does] {s} work for? |
  Who is {p} employer? | where [do|does] {s} work now
! {S} [don't|doesn't] work at {x}. | {S} left {x}. | {S} [applied|applied] to {x} but was turned
  down.
~ {S} left {x} and [work|works] at {v} now. | {S} [don't|doesn't] work at {x} any more, {h}
  [work|works] for {v}. | {S} switched from {x} to {v}. | {S} quit {x}. Now {h} [work|works] at {v}.

job: trade
> {S} [am|is] a {v}. | {S} [work|works] as a {v}. | {S} [earn|earns] {p} living as a {v}. | {S}
  became a {v}.
? What [do|does] {s} do for a living? | What is {p} job? | What is {p} profession? | what [do|does]
  {s} do | What [do|does] {s} work as?
! {S} [am not|isn't] a {x}. | {S} wanted to be a {x} as a child. | {S} [am|is] no longer a {x}.
~ {S} [am not|isn't] a {x}, {h} [am|is] a {v}. | {S} [was|was] a {x} and [am|is] a {v} now. | {S}
  [am|is] a {v}, not a {x}.

allergic: eat
> {S} [am|is] allergic to {v}. | {S} [can't|can't] have {v}, it's an allergy. | {S} [have|has] an
  allergy to {v}. | {S} [get|gets] a rash from {v}.
? What [am|is] {s} allergic to? | Which allergy [do|does] {s} have? | What [can't|can't] {s} have? |
  what [am|is] {s} allergic to | Do {s} have any allergies?
! {S} [am not|isn't] allergic to {x}.
~ {S} [am not|isn't] allergic to {x}, but {h} [am|is] allergic to {v}. | {S} thought it was {x}, but
  {h} [am|is] allergic to {v}. | {S} [am|is] allergic to {v}, not to {x}. | Not {x}: {s} [am|is]
  allergic to {v}.

love: genre
> {S} [love|loves] {v}. | {S} [am|is] crazy about {v}. | {S} really [like|likes] {v}. | {S} [am|is]
  a big fan of {v}. | {S} [adore|adores] {v}. | {S} [enjoy|enjoys] {v} a lot.
? What [do|does] {s} love? | What [do|does] {s} like? | What [am|is] {s} a fan of? | what [do|does]
  {s} like most | What [do|does] {s} enjoy?
! {S} [hate|hates] {x}. | {S} [don't|doesn't] like {x}.
~ {S} [hate|hates] {x} but [love|loves] {v}. | {S} [don't|doesn't] like {x}, {h} [like|likes] {v}. |
  {S} [love|loves] {v}, not {x}. | {S} [can't|can't] stand {x}, but [adore|adores] {v}.

hate: genre
> {S} [hate|hates] {v}. | {S} [can't|can't] stand {v}. | {S} [dislike|dislikes] {v}. | {S} really
  [don't|doesn't] like {v}.
? What [do|does] {s} hate? | What [can't|can't] {s} stand? | What [do|does] {s} dislike? | What
  [don't|doesn't] {s} like?
~ {S} [love|loves] {x} but [hate|hates] {v}. | {S} [don't mind|doesn't mind] {x}, but {h}
  [hate|hates] {v}.

drive: car
> {S} [drive|drives] a {v}. | {S} [bought|bought] a {v}. | {S} [own|owns] a {v}. | {S} [get|gets]
  around in a {v}.
? What [do|does] {s} drive? | Which car [do|does] {s} have? | What car [do|does] {s} drive? | what
  [do|does] {s} drive
! {S} sold the {x}. | {S} [don't|doesn't] drive a {x}.
~ {S} sold the {x} and bought a {v}. | {S} [drive|drives] a {v} instead of the {x}. | {S} traded the
  {x} for a {v}.

name: name
> My name is {v}. | I'm {v}. | I am {v}, nice to meet you. | Call me {v}. | This is {v} speaking. |
  The name's {v}. | Hi, {v} here. | People call me {v}.
? What is my name? | What's my name? | Who am I? | what am i called | Do you know my name? | How
  should you call me? | Tell me my name.
! My name is not {x}. | I'm not {x}.
~ My name is not {x}, it's {v}. | Forget that, my name is {v}. | Don't call me {x}, call me {v}. |
  I'm {v}, not {x}.

from: country
> {S} [come|comes] from {v}. | {S} [am|is] from {v}. | {S} [was|was] born in {v}. | {S} grew up in
  {v}.
? Where [am|is] {s} from? | Where [do|does] {s} come from? | Which country [am|is] {s} from? | Where
  was {s} born?
! {S} [am not|isn't] from {x}.
~ {S} [am not|isn't] from {x} but from {v}. | {S} [come|comes] from {v}, not {x}.

speak: language
> {S} [speak|speaks] {v}. | {S} [am|is] fluent in {v}. | {S} [am|is] learning {v}. | {S}
  [study|studies] {v} in the evenings.
? Which language [do|does] {s} speak? | What language [am|is] {s} learning? | What [do|does] {s}
  speak?
! {S} [don't|doesn't] speak {x}.
~ {S} [don't|doesn't] speak {x}, but {v}. | {S} gave up {x} and [am|is] learning {v}.

play: instrument
> {S} [play|plays] the {v}. | {S} [am|is] learning the {v}. | {S} [practise|practises] the {v} every
  day.
? Which instrument [do|does] {s} play? | What [do|does] {s} play? | what instrument [am|is] {s}
  learning
! {S} [don't|doesn't] play the {x}. | {S} [wish|wishes] {h} could play the {x}.
~ {S} [don't|doesn't] play the {x} but the {v}. | {S} gave up the {x} for the {v}.

age: age
> {S} [am|is] {v} years old. | {S} [am|is] {v}. | {S} turned {v} last week. | {S} just [had|had] {p}
  {v}th birthday.
? How old [am|is] {s}? | What is {p} age? | how old [am|is] {s} | What age [am|is] {s}?
! {S} [am not|isn't] {x} years old.
~ {S} [am not|isn't] {x}, {h} [am|is] {v}. | {S} [am|is] {v}, not {x}.

prefer: tool
> {S} [prefer|prefers] {v}. | {S} always [use|uses] {v}. | {S} [like|likes] {v} best. | {S}
  [want|wants] {v}, please.
? What [do|does] {s} prefer? | What [do|does] {s} always use? | What [do|does] {s} like best? |
  Which one [do|does] {s} prefer?
! {S} [don't|doesn't] use {x}.
~ {S} [prefer|prefers] {v} to {x}. | {S} [don't|doesn't] use {x}, {h} [use|uses] {v}. | {S} switched
  from {x} to {v}.

keys: place
> My keys are {v}. | I left my keys {v}. | The keys are {v}. | You'll find my keys {v}.
? Where are my keys? | Where did I leave my keys? | where are the keys | Where can I find my keys?
! My keys are not {x}.
~ My keys are not {x}, they are {v}. | I moved my keys from {x} to {v}.

passport: place
> My passport is {v}. | I put my passport {v}. | I keep my passport {v}. | The passport is {v}.
? Where is my passport? | Where do I keep my passport? | Where did I put my passport? | where's the
  passport
! My passport is not {x}.
~ My passport is not {x} but {v}.

marry: name
> I married {v}. | I'm married to {v}. | {v} and I got married in May. | I am engaged to {v}.
? Who am I married to? | Who did I marry? | Who is my spouse? | What is the name of the person I
  married?
! I'm not married to {x}.
~ I'm not married to {x}, I'm married to {v}.

meet: name
> I'm meeting {v} for lunch. | I have lunch with {v}. | {v} is coming over for dinner. | My
  appointment is with {v}. | I have a call with {v} later.
? Who am I meeting? | Who is my appointment with? | Who am I seeing? | With whom do I have an
  appointment?
! I'm not meeting {x}.
~ I'm not meeting {x} but {v}. | I cancelled {x} and will meet {v} instead.

when: time
> My appointment is at {v}. | I have to be there at {v}. | The meeting starts at {v}. | We meet at
  {v}. | The train leaves at {v}.
? When is my appointment? | At what time do we start? | What time is it at? | When do I have to be
  there?
~ My appointment is at {v}, not at {x}. | They moved my appointment from {x} to {v}.

call: range
> Call me {v}. | I'm free {v}. | You can reach me {v}. | I'm available {v}.
? When can you call me? | When am I free? | When should I be called? | When am I available?
~ Please don't call me {x}, call me {v}. | I'm not free {x}, but {v}.

trip: city
> I'm flying to {v} on Friday. | I'm going to {v} next month. | We booked a trip to {v}. | My next
  holiday is in {v}.
? Where am I going? | Where am I flying to? | What is the destination of my trip? | Where is my next
  holiday?
! I'm not going to {x} after all. | I cancelled the trip to {x}.
~ I'm not flying to {x} but to {v}. | We cancelled {x} and go to {v} instead.

study: subject
> {S} [study|studies] {v}. | {S} [am|is] majoring in {v}. | {S} [am|is] doing a degree in {v}.
? What [do|does] {s} study? | What is {p} major? | Which subject [do|does] {s} study?
! {S} [don't|doesn't] study {x}.
~ {S} [don't|doesn't] study {x} but {v}. | {S} changed from {x} to {v}.

eat: food
> {S} [eat|eats] {v} every day. | {S} [had|had] {v} for dinner. | {S} [cooked|cooked] {v} yesterday.
  | {S} always [order|orders] {v}.
? What [do|does] {s} eat? | What did {s} have for dinner? | What [do|does] {s} always order? | What
  did {s} cook?
! {S} never [eat|eats] {x}.
~ {S} never [eat|eats] {x}, but {v} every day.

drink: drink
> {S} [drink|drinks] {v} in the morning. | {S} [start|starts] the day with {v}. | {S} always
  [have|has] {v} for breakfast.
? What [do|does] {s} drink? | What [do|does] {s} drink in the morning? | What [do|does] {s} have for
  breakfast?
! {S} [don't|doesn't] drink {x}.
~ {S} [don't|doesn't] drink {x}, {h} [drink|drinks] {v}.

day off: weekday
> {S} [go|goes] swimming on {v}. | {S} [have|has] yoga every {v}. | {S} [train|trains] on {v}. | {S}
  [have|has] {v} off.
? On which day [do|does] {s} go? | Which day [do|does] {s} train? | When [do|does] {s} have time
  off? | What day is it on?
~ {S} [don't|doesn't] train on {x} but on {v}.
"""
