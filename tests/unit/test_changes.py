"""Facts that go together, and changes told freely: what supersedes, gives way, and stays."""

from __future__ import annotations

import pytest

from memory.backends.reader.english import EnglishReader

READER = EnglishReader()
TOGETHER = """
The shop opens at 9.|The shop closes at 18.|When does the shop open?
The bus leaves at 7:10.|The bus arrives at 7:55.|When does the bus leave?
My rent is 950 euros.|My rent is due on the 1st.|How much is my rent?
My key is under the mat.|My key is red.|Where is my key?
My appointment is with Dr Wong.|My appointment is on Monday.|Who is my appointment with?
My phone number is 555-0100.|My phone number is also 555-0101.|What is my phone number?
The lecture starts at 10.|The lecture ends at 12.|When does the lecture start?
My flight takes off at 6:40.|My flight lands at 9:05.|When does my flight take off?
The museum opens at 10.|The museum shuts at 17.|What time does the museum open?
My salary is 3200 euros.|My salary is paid on the 28th.|How much is my salary?
The invoice is 120 dollars.|The invoice is due on Friday.|How much is the invoice?
The deposit is 500 pounds.|The deposit is due in May.|How much is the deposit?
My bike is in the cellar.|My bike is blue.|Where is my bike?
My umbrella is behind the door.|My umbrella is black.|Where is my umbrella?
My passport is in the drawer.|My passport is valid until 2031.|Where is my passport?
The meeting is with Ana.|The meeting is at 3 pm.|Who is the meeting with?
The dinner is with my boss.|The dinner is on Friday.|Who is the dinner with?
My lesson is with Mr Roy.|My lesson is in Room 4.|Who is my lesson with?
My office is on the third floor.|My office is number 312.|Which floor is my office on?
My email is jo@example.com.|My email is also jo.work@example.com.|What is my email?
I speak French.|I also speak Dutch.|What do I speak?
My favourite film is Alien.|My favourite book is Dune.|What is my favourite film?
I have a cat called Miso.|I have another cat called Tofu.|What is my cat called?
My son is called Leo.|My other son is called Max.|What is my son called?
My daughter is 6.|My daughter is called Ida.|How old is my daughter?
I play the piano.|I play the drums as well.|What do I play?
I live in Lisbon.|I live with my sister.|Where do I live?
I live in Portugal.|I live in Lisbon.|Which country do I live in?
I work at Corvo.|I work at night.|Where do I work?
I work at Corvo.|I work as a nurse.|Where do I work?
My car is a Volvo.|My car is red.|What make is my car?
My car is red.|My car is in the garage.|What colour is my car?
My train leaves from platform 4.|My train leaves at 8:12.|Which platform does my train leave from?
My train is at 8:12.|My train back is at 18:40.|When is my train?
The film is on Saturday.|The film is two hours long.|When is the film?
The parcel weighs 3 kilos.|The parcel arrives on Tuesday.|How much does the parcel weigh?
The concert is at the Arena.|The concert is at 8.|Where is the concert?
My exam is on 4 May.|My exam is in Room 12.|When is my exam?
My exam is on 4 May.|My exam takes 3 hours.|When is my exam?
My doctor is Dr Hale.|My doctor is in Mill Street.|Who is my doctor?
My dentist is Dr Moss.|My dentist appointment is on Tuesday.|Who is my dentist?
Our wifi is called Nest.|Our wifi password is plum44.|What is our wifi called?
My locker is 114.|My locker code is 7781.|What is my locker?
My PIN is 4821.|My PIN for the shed is 9090.|What is my PIN?
The code for the gate is 1180.|The code for the garage is 2299.|What is the code for the gate?
My brother lives in Rome.|My sister lives in Oslo.|Where does my brother live?
My brother is a cook.|My brother is 31.|What is my brother's job?
My mother's name is Eva.|My mother's birthday is on 2 June.|What is my mother's name?
The project started in 2019.|The project ends in 2027.|When did the project start?
My lease starts in May.|My lease ends in April.|When does my lease start?
The party is at Ana's place.|The party is on Sunday.|Where is the party?
My shift is from 9.|My shift is until 17.|When does my shift start?
My gym is called Iron.|My gym is near the station.|What is my gym called?
The hotel is the Astoria.|The hotel is booked until Sunday.|Which hotel is it?
The ticket costs 40 euros.|The ticket is for Monday.|How much does the ticket cost?
My shoes are size 42.|My shoes are brown.|What size are my shoes?
The soup needs 2 onions.|The soup needs 3 carrots.|How many onions does the soup need?
My dog is called Rex.|My dog is three years old.|What is my dog called?
My dog is called Rex.|My dog sleeps in the kitchen.|What is my dog called?
My team is the Hawks.|My team is in the finals.|What is my team?
My password is blueLake9.|My password is weak.|What is my password?
My room is 214.|My room is on the second floor.|What is my room?
The alarm is at 6.|The alarm is loud.|When is the alarm?
The plumber comes at 9.|The plumber leaves at 11.|When does the plumber come?
The library is open on Mondays.|The library is closed on Fridays.|When is the library open?
My blood type is A.|My blood pressure is 120.|What is my blood type?
The boat is 12 metres long.|The boat is 4 metres wide.|How long is the boat?
The table is for 6 people.|The table is at 8.|For how many people is the table?
My name is Alex.|My name is spelled with an x.|What is my name?
My surname is Berg.|My first name is Kim.|What is my surname?
My job is nurse.|My job is stressful.|What is my job?
I was born in Lisbon.|I was born in 1990.|Where was I born?
My birthday is on 3 May.|My birthday is a Friday.|When is my birthday?
My visa is valid from June.|My visa is valid until August.|From when is my visa valid?
My landlord is Mr Poe.|My landlord is in Spain.|Who is my landlord?
The keys are with Ben.|The keys are on the table in the hall on weekends.|Who has the keys?
My flight is BA117.|My flight is 9 hours long.|What is my flight?
My flight is at 10:20.|My flight is from gate B12.|When is my flight?
Lunch is at noon.|Lunch is soup.|When is lunch?
My bank is Corvo.|My bank account ends in 77.|What is my bank?
The gym costs 30 euros.|The gym opens at 7.|How much does the gym cost?
My neighbour is called Ed.|My neighbour is from Wales.|What is my neighbour called?
My laptop is a ThinkPad.|My laptop is three years old.|What laptop do I have?
My meeting on Monday is at 9.|My meeting on Friday is at 14.|When is my meeting on Monday?
My new phone is a Pixel.|My car is a Volvo.|What is my car?
I drive a Volvo.|My new phone is blue.|What do I drive?
I bought a Tesla.|I bought a bike.|What did I buy?
I live in Lyon.|I moved to the sales team.|Where do I live?
I work at Bosch.|I stopped smoking.|Where do I work?
My sofa is grey.|My sofa is from Denmark.|What colour is my sofa?
The pool opens at 6.|The pool gets cleaned at 22.|When does the pool open?
My guitar teacher is Iris.|My guitar is a Fender.|Who is my guitar teacher?
I was at Ben's on Sunday.|I was at Lea's on Monday.|Where was I on Sunday?
The cake needs sugar.|The cake needs butter.|What does the cake need?
My passport number is X1234567.|My passport expires in 2030.|What is my passport number?
My niece is called Ava.|My nephew is called Finn.|What is my niece called?
I lent Tom my drill.|I lent Ana my ladder.|What did I lent Tom?
The spare key is with Mrs Ito.|The car key is on the hook.|Where is the spare key?
My hotel in Rome is the Forum.|My hotel in Milan is the Duomo.|What is my hotel in Rome?
I'm allergic to nuts.|I'm allergic to wasps.|What am I allergic to?
My vet is Dr Lamb.|My vet costs 60 euros.|Who is my vet?
My boss is Tom.|Tom's boss is Rita.|Who is my boss?
The museum is closed on Mondays.|The museum is free on Sundays.|When is the museum closed?
My watch is a Casio.|My watch is 10 minutes fast.|What watch do I have?
My loan is 20000 euros.|My loan runs until 2031.|How much is my loan?
My neighbour is from Wales.|My neighbour has two dogs.|Where is my neighbour from?
The wedding is in June.|The wedding is in Sienna.|When is the wedding?
My tyre pressure is 2.4.|My tyre size is 205.|What is my tyre pressure?
My locker is 114.|My locker is broken.|What is my locker?
I study at night.|I study law.|What do I study?
My kitchen is yellow.|My bathroom is blue.|What colour is my kitchen?
My wife's birthday is on 4 July.|Our anniversary is on 9 August.|When is my wife's birthday?
The server is called Zeus.|The server is in Frankfurt.|What is the server called?
"""
CHANGES = """
My manager is Paul.|Paul left the company. My manager is now Ingrid.|Who is my manager?
My wifi password is blueLake9.|I changed the wifi password to redHill4.|What is my wifi password?
My name is Alex.|Forget that, my name is Sam.|What is my name?
My flight leaves at 10:20 from gate B12.|They changed the gate to C4.|What gate does my flight leave from?
I drive a Volvo.|I sold the Volvo and bought a Tesla.|What do I drive?
I work at Corvo.|I quit Corvo, I'm at Lumen.|Where do I work?
My phone number is 555-0100.|My new phone number is 555-0199.|What is my phone number?
I live in Berlin.|I've moved to Hamburg.|Where do I live?
I live in Oslo.|We just relocated to Bergen.|Where do I live?
My girlfriend is Mia.|Mia and I split up, I'm dating Zoe now.|Who is my girlfriend?
My boss is Tom.|Tom got promoted and Lena took over as my boss.|Who is my boss?
I have a Samsung phone.|I swapped my Samsung for an iPhone.|What phone do I have?
My gym is FitOne.|I cancelled FitOne and joined CoreClub.|What is my gym?
My train is at 8:05.|The 8:05 got cancelled, so I'm on the 8:35.|When is my train?
The deadline is 3 June.|The deadline has been pushed back to 17 June.|When is the deadline?
My rent is 900 euros.|The landlord raised the rent to 980 euros.|How much is my rent?
My favourite band is Muse.|These days my favourite band is Blur.|What is my favourite band?
My dog weighs 20 kilos.|My dog lost weight, he is down to 17 kilos.|How much does my dog weigh?
My doctor is Dr Kay.|Dr Kay retired; I go to Dr Lund now.|Who is my doctor?
The dinner is at 7.|Dinner has been moved to 8.|When is the dinner?
My email is a@x.com.|I use a new email now: b@y.com.|What is my email?
I study physics.|I switched from physics to biology.|What do I study?
My address is 4 Elm Road.|We moved, our new address is 9 Oak Lane.|What is my address?
I'm a vegetarian.|I'm not a vegetarian any more, I'm vegan now.|What is my diet?
My hair is brown.|I dyed my hair red.|What colour is my hair?
The wedding is in June.|The wedding got postponed to September.|When is the wedding?
We meet in room 4.|We no longer meet in room 4 but in room 7.|Where do we meet?
My dentist is Dr Fox.|I changed dentists, Dr Ray treats me now.|Who is my dentist?
My password is plum12.|New password: fig77.|What is my password?
I take the bus to work.|I stopped taking the bus, I cycle to work now.|How do I get to work?
My seat is 12A.|They reseated me, my seat is 14C.|What is my seat?
My team leader is Ola.|Ola was replaced by Finn as team leader.|Who is my team leader?
My car is blue.|I had my car painted green.|What colour is my car?
My alarm is set for 6:30.|I set my alarm to 7:00 instead.|What time is my alarm?
I use Chrome.|I ditched Chrome for Firefox.|Which browser do I use?
My insurance is with Alpha.|I moved my insurance from Alpha to Beta.|Who is my insurance with?
I'm 29.|I turned 30 last week.|How old am I?
Our budget is 10000.|Our budget was cut to 8000.|What is our budget?
My cat is called Tom.|We renamed our cat, she's called Luna now.|What is my cat called?
My landlord is Mr Brook.|Mr Brook sold the building, Mrs Adler is our landlord now.|Who is my landlord?
I take my coffee black.|I've started taking my coffee with oat milk.|How do I take my coffee?
My commute is 40 minutes.|Since the new line opened my commute is only 25 minutes.|How long is my commute?
My hairdresser is Tina.|Tina moved abroad, so Marco cuts my hair these days.|Who is my hairdresser?
The interview is at 14:00.|HR shifted the interview to 15:30.|When is the interview?
I'm reading Dune.|I finished Dune, now I'm reading Emma.|What am I reading?
My kid's school is Elm School.|We took him out of Elm School; he goes to Oak School.|What is my kid's school?
Our office is in Leeds.|The office relocated to York.|Where is our office?
My bank is Monzo.|I closed my Monzo account and opened one at Starling.|What is my bank?
My weight is 82 kg.|I'm down to 78 kg.|What is my weight?
We're having pasta tonight.|Scrap the pasta, we're having curry tonight.|What are we having tonight?
The project lead is Dana.|Dana handed the project over to Yusuf, he leads it now.|Who is the project lead?
My dog sitter is Hugo.|Hugo can't do it any more, Pia is my dog sitter.|Who is my dog sitter?
My username is jo77.|I renamed my account, my username is jo_new.|What is my username?
I weigh my flour in ounces.|I use grams for flour now.|What do I weigh my flour in?
My phone is an iPhone 12.|I traded in my iPhone 12 for a Pixel 9.|What phone do I have?
My blood pressure pills are 5 mg.|My GP doubled the pills to 10 mg.|How strong are my blood pressure pills?
My favourite tea is Earl Grey.|I've gone off Earl Grey, I drink rooibos.|What is my favourite tea?
My appointment is on Monday at 9.|The clinic rang: my appointment is Tuesday at 11.|When is my appointment?
"""


def rows(text: str) -> list[list[str]]:
    return [line.split("|") for line in text.strip().splitlines()]


def replaced(older: str, newer: str, question: str) -> bool:
    """Whether the newer text supersedes the older one, or stands in its place for the question."""
    old, new = READER.read(older), READER.read(newer)
    return new.left_of(old) is not None or new.stands_for(old, READER.read(question)) > 0


@pytest.mark.parametrize(("older", "newer", "question"), rows(TOGETHER))
def test_facts_that_go_together_stand_beside_each_other(older: str, newer: str, question: str) -> None:
    """Another relation of one thing, an addition, another kind of value: both hold."""
    assert not replaced(older, newer, question)


@pytest.mark.parametrize(("older", "newer", "question"), rows(CHANGES))
def test_what_really_changed_wins(older: str, newer: str, question: str) -> None:
    """However it is told."""
    assert replaced(older, newer, question)


@pytest.mark.parametrize(
    ("older", "newer", "question"),
    [
        ("I drive a Volvo.", "My brother sold his Volvo.", "What do I drive?"),
        ("I drive a Volvo.", "Ben sold the Volvo.", "What do I drive?"),
        ("The Volvo key is in the drawer.", "I sold the Volvo.", "Where is the Volvo key?"),
        (
            "My dentist appointment is at 9.",
            "They moved the vet appointment to 10.",
            "When is my dentist appointment?",
        ),
        ("My car is blue.", "My new phone is red.", "What colour is my car?"),
    ],
)
def test_a_change_of_something_else_changes_nothing(older: str, newer: str, question: str) -> None:
    """Another owner, another thing of the same name, another thing."""
    assert not replaced(older, newer, question)
