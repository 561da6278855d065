"""German, Spanish and French word by word in English, for a model that reads English, and back.

    Meine Schwester heißt Annika und wohnt in Graz.    My sister is called Annika and lives in Graz.

Only words that people tell of themselves with are known; others stay, as names do. What a model marks in the
English is said in the words that were told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

_GERMAN = """
wie heißt=what is the name of; wie heiße ich=what is my name; wie lautet=what is; wie alt=how old
wie viele=how many; wie viel=how much; wie oft=how often; wie lange=how long; wo=where; wohin=where to
woher=where from; wann=when; wer=who; wen=whom; wem=whom; was=what; welche=which; welcher=which
welches=which; welchen=which; wogegen=to what; wofür=for what; um wie viel uhr=at what time
wohne ich=do I live; wohnt=lives; arbeite ich=do I work; habe ich=do I have; bin ich=am I
ich heiße=my name is; heißt=is called; heißen=are called; ich=I; wir=we; er=he; sie=she; mich=me; mir=me
uns=us; dein=your; deine=your
mein=my; meine=my; meinen=my; meinem=my; meiner=my; meines=my; unser=our; unsere=our; unseren=our
sein=his; seine=his; ihr=her; ihre=her; der=the; die=the; das=the; den=the; dem=the; ein=a; eine=a; einen=a
einem=a; einer=a; und=and; oder=or; aber=but; ist=is; sind=are; war=was; bin=am; habe=have; hat=has
haben=have; hatte=had; wird=becomes; wohne=live; wohnen=live; arbeite=work; arbeitet=works; fahre=drive
fährt=drives; mag=like; gerne=gladly; gern=gladly; isst=eats; esse=eat; trinke=drink; trinkt=drinks
spielt=plays; spiele=play; spricht=speaks; spreche=speak; studiert=studies; kommt=comes; geht=goes
zieht=moves; wünscht sich=wishes for; gezogen=moved; gewohnt=lived; geboren=born; gestorben=died
gekauft=bought; verheiratet=married; nicht=not; kein=no; keine=no; nie=never; seit=since; bis=until; nach=to
aus=from; bei=at; mit=with; von=of; vom=of the; zum=to the; zur=to the; im=in; am=on; um=at; auf=on; für=for
gegen=to; über=about; allergisch=allergic; jetzt=now; heute=today; morgen=tomorrow; gestern=yesterday
jahre=years; jahr=year; alt=old; schwester=sister; bruder=brother; mutter=mother; vater=father; mama=mum
papa=dad; eltern=parents; tochter=daughter; sohn=son; kinder=children; kind=child; frau=wife; mann=husband
freundin=girlfriend; freund=friend; oma=grandma; opa=grandpa; tante=aunt; onkel=uncle; hund=dog; katze=cat
kater=cat; hase=rabbit; pferd=horse; hausarzt=doctor; hausärztin=doctor; arzt=doctor; ärztin=doctor
zahnarzt=dentist; zahnärztin=dentist; lehrer=teacher; lehrerin=teacher; chef=boss; chefin=boss
nachbar=neighbour; nachbarin=neighbour; vermieter=landlord; name=name; geburtstag=birthday; adresse=address
telefonnummer=phone number; handynummer=phone number; nummer=number; passwort=password
wlan-passwort=wifi password; wlan=wifi; auto=car; fahrrad=bicycle; wohnung=flat; haus=house; schlüssel=key
miete=rent; beruf=job; arbeit=work; schule=school; termin=appointment; urlaub=holiday; flug=flight
zug=train; hochzeit=wedding; lieblingsfarbe=favourite colour; farbe=colour; lieblingsessen=favourite food
größe=size; schuhgröße=shoe size; stadt=city; straße=street; post=post; bank=bank; montag=Monday
dienstag=Tuesday; mittwoch=Wednesday; donnerstag=Thursday; freitag=Friday; samstag=Saturday; sonntag=Sunday
mai=May; juni=June; januar=January; februar=February; märz=March; juli=July; oktober=October
dezember=December; uhr=o'clock; kostet=costs; beim=at the; muss=must; vorher=before; früher=before
"""
_SPANISH = """
cómo se llama=what is the name of; cómo me llamo=what is my name; cómo se llaman=what are the names of
se llama=is called; se llaman=are called; me llamo=my name is; cuántos años tiene=how old is
cuántos años tengo=how old am I; cuántos=how many; cuántas=how many; cuánto=how much; dónde=where
cuándo=when; quién=who; quiénes=who; qué=what; cuál=what; cuáles=which; a qué hora=at what time
en qué trabajo=what is my job; dónde vivo=where do I live; dónde trabajo=where do I work
a qué soy=to what am I; mi=my; mis=my; su=her; sus=her; nuestro=our; nuestra=our; el=the; la=the; los=the
las=the; un=a; una=a; y=and; o=or; pero=but; es=is; son=are; soy=I am; somos=we are; está=is; estoy=I am
era=was; tengo=I have; tiene=has; tenemos=we have; vivo=I live; vive=lives; viven=live; vivimos=we live
trabajo=I work; trabaja=works; como=I eat; bebo=I drink; juega=plays; toco=I play; toca=plays; hablo=I speak
habla=speaks; estudia=studies; me gusta=I like; no=not; nunca=never; de=of; del=of the; al=to the; en=in
con=with; para=for; por=for; desde=since; hasta=until; a=to; ahora=now; hoy=today; mañana=tomorrow
años=years; hermana=sister; hermano=brother; madre=mother; mamá=mum; padre=father; papá=dad; padres=parents
hija=daughter; hijo=son; hijos=children; hijas=daughters; mujer=wife; esposa=wife; marido=husband
novia=girlfriend; novio=boyfriend; amigo=friend; amiga=friend; abuela=grandma; abuelo=grandpa; tía=aunt
tío=uncle; perro=dog; perra=dog; gato=cat; gata=cat; caballo=horse; médico=doctor; médica=doctor
doctora=doctor; dentista=dentist; jefe=boss; jefa=boss; profesor=teacher; profesora=teacher
vecino=neighbour; vecina=neighbour; veterinaria=vet; veterinario=vet; enfermera=nurse; nombre=name
cumpleaños=birthday; dirección=address; teléfono=phone; número=number; contraseña=password; wifi=wifi
coche=car; carro=car; bicicleta=bicycle; piso=flat; casa=house; llave=key; alquiler=rent; cita=appointment
vuelo=flight; tren=train; boda=wedding; calle=street; ciudad=city; banco=bank; color=colour
favorito=favourite; favorita=favourite; comida=food; alérgico=allergic; alérgica=allergic; cuesta=costs
lunes=Monday; martes=Tuesday; miércoles=Wednesday; jueves=Thursday; viernes=Friday; sábado=Saturday
domingo=Sunday; enero=January; febrero=February; marzo=March; abril=April; mayo=May; junio=June; julio=July
agosto=August; septiembre=September; octubre=October; noviembre=November; diciembre=December; se casa=marries
"""
_FRENCH = """
comment s'appelle=what is the name of; comment je m'appelle=what is my name; s'appelle=is called
je m'appelle=my name is; où est-ce que=where do; où=where; quand=when; qui=who; quel=which; quelle=which
combien de=how many; combien=how much; je=I; j'habite=I live; habite=lives; j'ai=I have; nous=we; il=he
elle=she; mon=my; ma=my; mes=my; notre=our; nos=our; son=his; sa=her; le=the; la=the; les=the; un=a; une=a
et=and; ou=or; mais=but; est=is; sont=are; suis=am; a=has; ai=have; travaille=works; comme=as; à=in
au=at the; dans=in; chez=at; avec=with; pour=for; depuis=since; ne=not; pas=not; jamais=never; ans=years
sœur=sister; soeur=sister; frère=brother; mère=mother; maman=mum; père=father; papa=dad; fille=daughter
fils=son; enfants=children; femme=wife; mari=husband; ami=friend; amie=friend; chien=dog; chat=cat
chatte=cat; médecin=doctor; dentiste=dentist; chef=boss; nom=name; anniversaire=birthday; adresse=address
numéro=number; voiture=car; vélo=bicycle; appartement=flat; maison=house; clé=key; loyer=rent
rendez-vous=appointment; vol=flight; mot de passe=password; allergique=allergic; infirmière=nurse; aux=to
"""
_LANGUAGES = {
    "de": (
        _GERMAN,
        "ich ist mein meine meinen meiner dein und der die wie wo wann wer wir heißt heisst wohnt sich hat"
        " habe einen einem beim zum zur muss nicht bei jetzt",
    ),
    "es": (
        _SPANISH,
        "mi mis se llama vivo vive soy tengo tiene el la los es y en dónde cuál qué quién cómo cuándo una",
    ),
    "fr": (
        _FRENCH,
        "je j'habite mon ma mes s'appelle m'appelle est une et où quel quelle les dans suis comment le la",
    ),
}
_TELLING = 2  # words that a text has of a language's before it is read as that
_ENGLISH = re.compile(
    r"\b(?:the|is|are|my|and|what|where|who|how|when|does|do|i(?:['’]m)?|to|of|for|at|with|have|has|love|like|we|it|this"
    r"|that|she|he|they|called|lives|live)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Glossed:
    """A text in English, as far as its words are known; `told` is it as it was told."""

    text: str
    told: str
    pieces: tuple[tuple[int, int, int, int], ...] = ()  # start and end in `text`, start and end in `told`

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the words that were told stand for what stands here in English."""
        return _told_at(self.pieces, start, ends=False), _told_at(self.pieces, end, ends=True)


def glossed(text: str) -> Glossed:
    """A text in another language word by word; itself where it is English, or in none that is known."""
    language = _language(text)
    if not language:
        return Glossed(text, text)
    words, pattern = _lexicon(language)
    said, pieces, at, length = [], [], 0, 0
    for found in pattern.finditer(text):
        said += [text[at : found.start()], words[found[0].lower().replace("’", "'")]]
        begin = length + found.start() - at
        length = begin + len(said[-1])
        pieces.append((begin, length, *found.span()))
        at = found.end()
    return Glossed("".join([*said, text[at:]]), text, tuple(pieces))


def _told_at(pieces: tuple[tuple[int, int, int, int], ...], place: int, *, ends: bool) -> int:
    moved = 0
    for begin, end, first, last in pieces:
        inside = begin < place <= end if ends else begin <= place < end
        if inside:
            return last if ends else first
        if begin >= place:
            break
        moved = last - end
    return place + moved


def _language(text: str) -> str:
    said = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    counts = {name: sum(word in _marks(name) for word in said) for name in _LANGUAGES}
    best = max(counts, key=lambda name: counts[name])
    english = len(_ENGLISH.findall(text))
    return best if counts[best] >= _TELLING and counts[best] > english else ""


@cache
def _marks(language: str) -> frozenset[str]:
    return frozenset(_LANGUAGES[language][1].split())


@cache
def _lexicon(language: str) -> tuple[dict[str, str], re.Pattern[str]]:
    entries = [one for line in _LANGUAGES[language][0].splitlines() for one in line.split(";") if one.strip()]
    pairs = [(told.strip(), english.strip()) for told, english in (one.split("=") for one in entries)]
    words = dict(pairs) | {told.replace("ß", "ss"): english for told, english in pairs}
    longest_first = sorted(words, key=len, reverse=True)
    choices = "|".join(re.escape(word).replace("'", "['’]") for word in longest_first)
    return words, re.compile(rf"(?<![\w'’-])(?:{choices})(?![\w'’-])", re.IGNORECASE)
