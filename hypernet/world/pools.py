"""Word pools that synthetic facts draw their values and owners from. Data only."""

# ruff: noqa: SIM905 - hundreds of quoted words would be harder to read

from __future__ import annotations

WOMEN = """
Aaliyah Abigail Ada Adele Agnes Aiko Aisha Alba Alice Alina Amara Amelia Amina Amira Ana Anastasia Anika
Anita Anna Annika Anouk Antonia Anya Aria Asha Astrid Audrey Aurora Ava Ayla Beatrice Bella Bianca
Birgit Bridget Brigitte Camila Camille Carla Carmen Caroline Catalina Cecilia Celeste Chantal Chiara
Chloe Clara Claudia Colette Constance Cora Dagmar Dalia Daniela Daphne Deborah Delia Diana Dina Dolores
Dora Edith Eileen Elena Eleanor Elif Elisa Elise Eliza Ella Elsa Emilia Emma Erika Esme Esther Eva
Evelyn Fatima Fatou Fiona Flora Florence Franziska Freya Frida Gabriela Gemma Georgia Giulia Gloria
Grace Greta Gudrun Hana Hannah Harriet Hazel Hedda Heidi Helen Helga Hilda Ida Ikram Ilse Imani Ines
Ingrid Irene Iris Isabel Isla Ivana Ivy Jana Jane Jasmine Jelena Joanna Johanna Josephine Judith Julia
Juno Kalina Karin Katarina Katya Keiko Khadija Kira Kirsten Klara Lakshmi Lara Larissa Laura Layla Leila
Lena Leonie Liesl Lina Linnea Liv Lorena Lotte Lucia Lucy Luisa Luna Lydia Mabel Magda Maja Malin Manon
Mara Margot Maria Marina Marisol Martha Matilda Maya Mei Mercedes Mila Mina Mira Miriam Molly Monica
Nadia Naomi Natalia Nina Noor Nora Olga Olivia Padma Paloma Patricia Paula Penelope Petra Philippa
Phoebe Pilar Polly Priya Rachel Rania Rebecca Renata Rosa Rosalind Ruth Sabine Sakura Salma Samira Sara
Saskia Selma Shanti Signe Silvia Simone Sofia Solveig Sonia Stella Svetlana Sylvie Tamara Tanya Tatiana
Thea Theresa Tilda Ulrike Ursula Valentina Vera Victoria Viola Wanda Winifred Xenia Yara Yasmin Yuki
Yvonne Zahra Zara Zeynep Zoe Zofia""".split()

MEN = """
Aaron Abdul Abel Adam Ademar Adrian Ahmed Aidan Akira Alan Albert Alejandro Alessandro Alfred Ali Alvaro
Amir Anders Andrei Andrew Angus Anton Arjun Arne Arthur Arvid Asher Axel Aziz Bahadur Bartek Bashir
Bastian Ben Bernard Bjorn Bogdan Boris Bram Brendan Bruno Caleb Callum Carlos Cedric Cem Cesar Charles
Christoph Ciaran Clement Cyril Dario David Dennis Desmond Diego Dieter Dimitri Dmitry Dominic Dragan
Duncan Edgar Eduardo Edwin Elias Elijah Emeka Emil Emre Enzo Eric Ernesto Ethan Eugene Evan Fabian Farid
Felipe Felix Fergus Fernando Filip Finn Florian Francesco Frank Frederik Gareth Gaston George Gerald
Gianni Gilbert Giovanni Goran Gordon Graham Gregor Guido Gunnar Gustav Hamza Hans Harald Harold Hassan
Hector Hendrik Henry Hiroshi Hugo Ian Ibrahim Idris Igor Ilya Isaac Ismail Ivan Ivo Jabari Jack Jacob
Jamal James Jan Javier Jens Jeremy Jiri Joao Joel Johan Jonas Jorge Josef Joshua Juan Julian Julius Kai
Karim Karl Kasper Keith Kenji Kevin Khalid Klaus Kofi Kurt Kwame Lars Laszlo Leandro Leo Leon Leonard
Levi Liam Linus Lorenzo Louis Luca Lucas Ludwig Luis Magnus Malik Manuel Marcel Marco Mario Marius Mark
Martin Mateo Mathias Matthew Maurice Max Mehmet Michael Miguel Mikhail Milan Milo Mohammed Morris Murat
Nathan Neil Nelson Nicolas Niels Nikhil Nikolai Noah Oleg Oliver Omar Orlando Oscar Otto Pablo Pascal
Patrick Paul Pavel Pedro Per Peter Philip Pierre Quentin Rafael Rahul Rajesh Ralph Ramon Rashid Ravi
Raymond Reinhard Ricardo Robert Roberto Rodrigo Roland Roman Rory Ruben Rupert Salim Samuel Sanjay
Santiago Sebastian Sergei Simon Soren Stanley Stefan Sven Tariq Theo Thomas Tiago Tobias Tomas Tony
Tristan Tyler Umar Victor Vikram Vincent Vladimir Walter Wei Werner Wilhelm William Xavier Yannick Yusuf
Zachary Zoltan""".split()

SURNAMES = """
Abbott Acosta Adebayo Ahlberg Alvarez Andersen Aoki Arnold Baker Baldwin Barnes Bauer Becker Bell
Bennett Berg Bianchi Bishop Blake Bondar Bouchard Bowen Brandt Brennan Brook Bruun Burke Cabrera Calder
Campbell Carver Castillo Chandra Chen Clarke Cole Conti Cooper Costa Crane Cruz Dahl Dalton Davies
Delgado Demir Diaz Dixon Dubois Duffy Eklund Ellis Eriksen Escobar Evans Farrell Ferrari Fischer Fleming
Flores Fontaine Forsberg Foster Fox Frost Fuchs Fujita Gallo Garcia Garner Gibson Gomez Grant Greco
Greenwood Griffin Gruber Gupta Haas Hahn Hale Hansen Harding Hart Hayes Heller Herrera Hill Hoffman Holm
Horvat Hughes Hunt Ibarra Inoue Ivanov Jansen Jensen Joshi Kane Kaplan Kaya Keller Kelly Kim Kimura
Klein Koch Kovacs Kowalski Kramer Kruger Kumar Lambert Lang Larsen Laurent Lee Lehmann Leone Lindgren
Lopez Lowe Lund Maier Malone Marino Marsh Martinez Mason Mayer Mendes Mendoza Mercer Meyer Miller
Mitchell Molina Moore Morales Moreau Moretti Morgan Mueller Murphy Nagy Nakamura Navarro Nielsen Nolan
Novak Nowak Okafor Okoye Olsen Ortega Osman Otieno Owens Page Park Patel Pavlov Pereira Perkins Petrov
Pham Phillips Popescu Porter Quinn Ramirez Rao Reed Reyes Ricci Richter Rivera Roberts Romero Rossi Roth
Russo Saito Salazar Santos Sato Schmidt Schneider Schulz Schwarz Sharma Shaw Silva Singh Sokolov Solberg
Sousa Stein Stone Suarez Sutton Suzuki Szabo Takeda Tanaka Taylor Thompson Torres Tran Turner Valdez
Vargas Vasquez Vega Vogel Wagner Walsh Wang Ward Watanabe Weber Weiss West Whitaker Wolf Wong Wright
Yamada Yilmaz Young Zhang Zimmerman""".split()

CITIES = """
Aberdeen;Accra;Adelaide;Algiers;Amman;Amsterdam;Ankara;Antwerp;Athens;Auckland;Baku;
Baltimore;Bamako;Bangkok;Barcelona;Basel;Beirut;Belfast;Belgrade;Bergen;Berlin;Bern;Bilbao;
Bogota;Bologna;Bordeaux;Boston;Bremen;Brisbane;Bristol;Brno;Brussels;Bucharest;Budapest;
Buenos Aires;Cairo;Calgary;Cape Town;Cardiff;Casablanca;Chicago;Cologne;Copenhagen;Cork;Dakar;
Dallas;Damascus;Delhi;Denver;Detroit;Dresden;Dubai;Dublin;Durban;Edinburgh;Florence;
Frankfurt;Galway;Gdansk;Geneva;Genoa;Ghent;Glasgow;Granada;Graz;Hamburg;Hanoi;Havana;
Helsinki;Hobart;Houston;Istanbul;Izmir;Jakarta;Kampala;Karachi;Kigali;Krakow;Kyoto;Lagos;
Leeds;Leipzig;Lima;Linz;Lisbon;Liverpool;Ljubljana;London;Lusaka;Lyon;Madrid;Malaga;Malmo;
Manchester;Manila;Marseille;Melbourne;Miami;Milan;Minsk;Montreal;Mumbai;Munich;Nairobi;
Nantes;Naples;New York;Nice;Odessa;Osaka;Oslo;Ottawa;Oxford;Palermo;Paris;Perth;Porto;
Prague;Quebec;Quito;Reykjavik;Riga;Rome;Rotterdam;Salzburg;San Diego;Santiago;Sapporo;
Sarajevo;Seattle;Seoul;Seville;Shanghai;Sheffield;Singapore;Skopje;Sofia;Split;Stockholm;
Stuttgart;Sydney;Taipei;Tallinn;Tampere;Tbilisi;Tehran;Tokyo;Toronto;Toulouse;Trieste;Tunis;
Turin;Uppsala;Utrecht;Valencia;Vancouver;Venice;Verona;Vienna;Vilnius;Warsaw;Wellington;York;
Zagreb;Zurich"""

COUNTRIES = """
Albania;Algeria;Angola;Argentina;Armenia;Australia;Austria;Belgium;Bolivia;Bosnia;Brazil;
Bulgaria;Cambodia;Cameroon;Canada;Chile;China;Colombia;Croatia;Cuba;Cyprus;Denmark;Ecuador;
Egypt;Estonia;Ethiopia;Finland;France;Georgia;Germany;Ghana;Greece;Guatemala;Haiti;Honduras;
Hungary;Iceland;India;Indonesia;Iran;Iraq;Ireland;Israel;Italy;Jamaica;Japan;Jordan;Kenya;
Kuwait;Laos;Latvia;Lebanon;Lithuania;Luxembourg;Madagascar;Malaysia;Mali;Malta;Mexico;
Moldova;Mongolia;Morocco;Mozambique;Namibia;Nepal;New Zealand;Nigeria;Norway;Pakistan;Panama;
Paraguay;Peru;Poland;Portugal;Romania;Rwanda;Senegal;Serbia;Slovakia;Slovenia;Spain;
Sri Lanka;Sweden;Switzerland;Syria;Taiwan;Tanzania;Thailand;Tunisia;Turkey;Uganda;Ukraine;
Uruguay;Venezuela;Vietnam;Zambia;Zimbabwe"""

COLOURS = """
red;blue;green;yellow;orange;purple;pink;black;white;grey;brown;turquoise;violet;silver;
gold;beige;crimson;indigo;teal;magenta;maroon;navy blue;olive green;cream;scarlet;lilac;
amber;ivory;mint green;dark red;light blue"""

ANIMALS = """
badger;bat;bear;beaver;bison;camel;cheetah;cobra;crab;crane;crow;deer;dolphin;donkey;
eagle;elephant;falcon;ferret;fox;frog;gazelle;gecko;giraffe;goat;goose;hamster;hawk;
hedgehog;heron;horse;iguana;jackal;jaguar;kangaroo;koala;lemur;leopard;lion;lizard;llama;
lynx;magpie;mole;monkey;moose;octopus;orca;ostrich;otter;owl;panda;panther;parrot;peacock;
pelican;penguin;pony;puffin;puma;rabbit;raccoon;raven;salmon;seal;shark;sheep;sloth;snail;
sparrow;spider;squirrel;stork;swan;tiger;toad;tortoise;trout;turtle;walrus;weasel;whale;
wolf;wombat;yak;zebra"""

FOODS = """
almonds;apple pie;apricots;avocado toast;bagels;bananas;beans;bean soup;blueberries;
bread pudding;broccoli;burritos;carrot cake;cashews;celery;cheese fondue;cheesecake;cherries;
chicken curry;chili;chocolate;clams;coconut;couscous;crab;cucumber salad;dumplings;eggs;
falafel;figs;fish and chips;fish soup;fried rice;garlic;garlic bread;gnocchi;goat cheese;
goulash;grapes;hazelnuts;honey;hummus;ice cream;kebab;kiwi;lamb stew;lasagna;lemon tart;
lentil soup;lobster;mango;meatballs;milk;muesli;mushrooms;mussels;mustard;noodles;olives;
omelette;onion soup;oranges;oysters;paella;pancakes;pasta;peaches;peanuts;pears;pineapple;
pistachios;pizza;plums;porridge;potato salad;prawns;pumpkin soup;quiche;ramen;ravioli;
rice pudding;risotto;roast chicken;salmon;sauerkraut;scrambled eggs;sesame;shrimp;spaghetti;
spinach;strawberries;sushi;tacos;toast;tofu;tomato soup;trout;tuna;vegetable curry;waffles;
walnuts;watermelon;wheat;yoghurt"""

DRINKS = """
apple juice;black coffee;black tea;cappuccino;carrot juice;cider;cocoa;cola;cranberry juice;
espresso;ginger ale;grape juice;green tea;hot chocolate;iced tea;kombucha;latte;lemonade;
mango juice;mint tea;oat milk;orange juice;pear juice;peppermint tea;red wine;sparkling water;
tomato juice;tonic water;white tea;white wine"""

JOBS = """
accountant;actor;architect;baker;banker;barber;beekeeper;biologist;bookseller;builder;
bus driver;butcher;carpenter;cashier;chef;chemist;cleaner;clerk;coach;composer;cook;courier;
dancer;dentist;designer;detective;doctor;driver;economist;editor;electrician;engineer;farmer;
firefighter;fisherman;florist;gardener;geologist;goldsmith;guard;hairdresser;historian;
illustrator;interpreter;janitor;jeweller;journalist;judge;lawyer;lecturer;librarian;lifeguard;
locksmith;mechanic;meteorologist;midwife;miner;musician;nurse;optician;painter;paramedic;
pastry chef;pharmacist;photographer;physicist;pilot;plumber;police officer;postman;potter;
programmer;psychologist;receptionist;reporter;roofer;sailor;sculptor;secretary;shepherd;
shoemaker;singer;social worker;soldier;statistician;surgeon;tailor;taxi driver;teacher;
tour guide;translator;truck driver;vet;waiter;watchmaker;weaver;welder;writer;zookeeper"""

INSTRUMENTS = """
accordion;bagpipes;banjo;bass guitar;bassoon;bugle;cello;clarinet;cornet;double bass;drums;
flute;french horn;guitar;harmonica;harp;harpsichord;lute;mandolin;marimba;oboe;organ;piano;
piccolo;recorder;saxophone;sitar;tambourine;timpani;trombone;trumpet;tuba;ukulele;vibraphone;
viola;violin;xylophone;zither"""

SPORTS = """
archery;athletics;badminton;baseball;basketball;biathlon;bowling;boxing;canoeing;climbing;
cricket;curling;cycling;darts;diving;fencing;figure skating;football;golf;gymnastics;handball;
hockey;horse riding;ice hockey;judo;karate;kayaking;lacrosse;netball;polo;rowing;rugby;
running;sailing;skateboarding;skating;skiing;snowboarding;softball;squash;surfing;swimming;
table tennis;taekwondo;tennis;triathlon;volleyball;water polo;weightlifting;windsurfing;
wrestling;yoga"""

HOBBIES = """
astronomy;baking;beekeeping;birdwatching;calligraphy;camping;candle making;carpentry;chess;
collecting coins;collecting stamps;cooking;crochet;dancing;drawing;embroidery;fishing;gardening;
geocaching;hiking;juggling;kite flying;knitting;magic tricks;model trains;mushroom hunting;
origami;painting;photography;poetry;pottery;puzzles;quilting;reading comics;sculpture;sewing;
singing;sketching;sudoku;theatre;video games;watching birds;weaving;whittling;woodwork;
writing poems"""

LANGUAGES = """
Albanian;Arabic;Armenian;Basque;Bengali;Bulgarian;Catalan;Croatian;Czech;Danish;Dutch;
English;Estonian;Finnish;French;Georgian;German;Greek;Hebrew;Hindi;Hungarian;Icelandic;Irish;
Italian;Japanese;Korean;Latin;Latvian;Lithuanian;Maltese;Mandarin;Nepali;Norwegian;Persian;
Polish;Portuguese;Romanian;Russian;Serbian;Slovak;Spanish;Swahili;Swedish;Tamil;Thai;Turkish;
Ukrainian;Urdu;Vietnamese;Welsh;Zulu"""

SUBJECTS = """
algebra;anatomy;anthropology;archaeology;architecture;art history;astronomy;biochemistry;
biology;botany;business;chemistry;computer science;dentistry;design;drama;economics;education;
engineering;film;finance;forestry;geography;geology;geometry;history;journalism;law;
linguistics;literature;logic;marketing;mathematics;medicine;music;nursing;nutrition;philosophy;
physics;politics;psychology;religion;robotics;sociology;statistics;theology;tourism;zoology"""

BRANDS = """
Acura;Audi;Bentley;BMW;Buick;Chevrolet;Citroen;Dacia;Fiat;Ford;Honda;Hyundai;Jaguar;Jeep;
Kia;Lada;Lancia;Lexus;Mazda;Mercedes;Mini;Mitsubishi;Nissan;Opel;Peugeot;Porsche;Renault;
Rover;Saab;Seat;Skoda;Subaru;Suzuki;Tesla;Toyota;Vauxhall;Volkswagen;Volvo"""

PETS = """
Apollo;Archie;Bailey;Bandit;Barney;Basil;Bear;Biscuit;Bingo;Blaze;Bonnie;Boots;Bramble;
Brownie;Bruno;Bubbles;Buddy;Buster;Button;Caramel;Casper;Cheddar;Chester;Chili;Cinnamon;
Clover;Coco;Cookie;Cosmo;Cupcake;Daisy;Dash;Dexter;Dixie;Domino;Dusty;Echo;Fern;Fidget;
Flash;Fluffy;Freckles;Fudge;Ginger;Gizmo;Goldie;Gypsy;Hazelnut;Honey;Hunter;Inky;Jasper;
Jelly;Jinx;Kiki;Lady;Loki;Lucky;Maple;Marble;Merlin;Midnight;Misty;Mittens;Mocha;Muffin;
Nala;Noodle;Nugget;Nutmeg;Odin;Olive;Oreo;Panda;Patch;Peanut;Pebbles;Pepper;Pickle;Pippin;
Pixel;Pogo;Poppy;Pretzel;Pumpkin;Rascal;Rex;Rocky;Rosie;Rusty;Sammy;Scout;Shadow;Simba;
Skipper;Smokey;Snowy;Socks;Sparky;Spike;Sprout;Sunny;Taffy;Tango;Teddy;Tiger;Toffee;
Truffle;Turbo;Twix;Waffles;Whiskers;Widget;Willow;Ziggy;Zorro"""

MATERIALS = """
aluminium;bamboo;brass;brick;bronze;clay;concrete;copper;cotton;glass;granite;iron;leather;
limestone;linen;marble;oak;paper;pine;plastic;sandstone;silk;slate;steel;walnut wood;wool"""

SIZES = "extra small;small;medium;large;extra large"
WEEKDAYS = "Monday;Tuesday;Wednesday;Thursday;Friday;Saturday;Sunday"
MONTHS = "January;February;March;April;May;June;July;August;September;October;November;December"
STREET_ENDS = "Street;Road;Lane;Avenue;Square;Hill;Alley;Way"
STREETS = """
Abbey;Acorn;Apple;Baker;Barley;Beech;Bell;Birch;Bishop;Bridge;Castle;Cedar;Chapel;Cherry;
Church;Clover;Cottage;Elm;Ferry;Field;Forge;Fountain;Garden;Grove;Harbour;Hazel;High;Holly;
Ivy;Juniper;King;Lake;Laurel;Linden;Market;Mill;Mint;Moon;Nelson;Oak;Orchard;Park;Pine;
Poplar;Queen;River;Rose;School;Silver;Station;Sycamore;Tanner;Temple;Tower;Union;Valley;
Vine;Water;Willow;Windmill"""

ADJECTIVES = """
amber ancient azure bitter blue bold brave bright broken bronze calm clever cold copper coral crimson
crystal dark deep distant dusty early eager empty fading fierce foggy frozen gentle giant golden grand
green happy hidden hollow humble icy iron ivory jade jolly lazy little lonely lost loud lucky merry
misty narrow noble northern old orange pale patient plain proud purple quick quiet rapid red round royal
rusty sandy scarlet secret shiny silent silver simple sleepy slow small smooth soft solar stormy sunny
swift tall tender tiny velvet warm white wild windy winter wise wooden yellow young""".split()

NOUNS = """
anchor apple arrow badger basket beacon bell bird blossom boat bridge brook button candle canyon castle
cedar circle cloud comet compass crane crown desert dragon drum eagle ember engine falcon feather field
flame forest fountain fox garden gate glacier hammer harbor hawk hill horizon island jungle kettle key
kite ladder lagoon lake lamp lantern leaf lemon lion maple marble meadow mill mirror moon mountain
needle nest oak ocean orchard otter owl paper pearl pebble pepper piano pillow planet pond prairie
quarry rabbit raven ribbon ridge river rocket saddle sail shadow shell ship sparrow spring star stone
storm stream summit sunset table thunder tiger tower trail tulip tunnel valley violin wagon wave whale
willow window wolf""".split()

ONSETS = "b br c cl d dr f fl g gr h j k kr l m n p pl qu r s sh sk st t th tr v w y z".split()
VOWELS = "a e i o u a e i o ai ea ia oa ou".split()
CODAS = ["", "", "", "l", "n", "r", "s", "m", "k", "th", "nd", "lt", "rk", "x", "ck", "sk", "ll", "nn", "rn"]

WHICH = (
    "top;bottom;left;right;big;small;old;new;blue;green;red;white;black;wooden;glass;metal;second;third;round"
)
ROOMS = (
    "kitchen;hall;garage;cellar;attic;bedroom;office;bathroom;living room;guest room;laundry;garden;car;hotel"
)
KEEPERS = "drawer;cupboard;shelf;box;cabinet;basket;chest;wardrobe;bag;desk;safe;jar;tray;rack;suitcase;bowl"
