"""The community that a fresh workspace holds. Everybody in it is made up.

Data only: seed.py turns it into rows. `ago` is hours before the time of seeding. People and places are named by their
short names (`amara`, `makers/general`), from which stable ids are made; a reaction's people are separated by blanks.
What has no name goes by its position among its kind, so new entries go last.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    username: str
    name: str
    bio: str
    joined: int


@dataclass(frozen=True)
class Space:
    """A workspace; `roles` says who is in it, and as what."""

    slug: str
    name: str
    description: str
    ago: int
    roles: dict[str, str]


@dataclass(frozen=True)
class Channel:
    """A channel, `place` being workspace/slug; one with `only` is private to these people."""

    place: str
    name: str
    topic: str
    ago: int
    only: str = ""


@dataclass(frozen=True)
class Conversation:
    """A direct conversation between two people, or a group with a title."""

    slug: str
    people: str
    ago: int
    title: str = ""


@dataclass(frozen=True)
class Said:
    """A message; replies share its place."""

    ago: float
    author: str
    body: str
    reactions: dict[str, str] = field(default_factory=dict)
    replies: "tuple[Said, ...]" = ()


@dataclass(frozen=True)
class Comment:
    """A comment, on something written or on a ticket; `internal` ones are for staff."""

    ago: float
    author: str
    body: str
    internal: bool = False


@dataclass(frozen=True)
class Written:
    """A feed post, an article or a question."""

    kind: str
    space: str
    ago: float
    author: str
    title: str
    body: str
    reactions: dict[str, str] = field(default_factory=dict)
    comments: tuple[Comment, ...] = ()


@dataclass(frozen=True)
class Poll:
    """A poll; `options` maps each text to those who voted for it."""

    space: str
    ago: float
    author: str
    title: str
    options: dict[str, str]
    anonymous: bool = False
    closed_ago: float | None = None


@dataclass(frozen=True)
class Notice:
    """A line in somebody's inbox, about what an `actor` did; `target` is the kind and name of what it is about."""

    ago: float
    member: str
    actor: str
    kind: str
    text: str
    target: tuple[str, str | int]
    read: bool = False


@dataclass(frozen=True)
class Ticket:
    """A support ticket; the status is open, in_progress, resolved or closed."""

    ago: float
    reporter: str
    title: str
    body: str
    status: str
    space: str = ""
    assignee: str = ""
    comments: tuple[Comment, ...] = ()


PEOPLE = (
    Person("amara", "Amara Okafor", "Runs the workshop and, on quiet days, uses it.", 9800),
    Person("jonas", "Jonas Lindqvist", "Wood, mostly. Keeps the table saw honest.", 9750),
    Person("mei", "Mei Tanaka", "Electronics bench. Collects broken synthesizers.", 8300),
    Person("rafael", "Rafael Souza", "3D printing, and the fixing of 3D printers.", 6100),
    Person("priya", "Priya Nair", "Support lead at Fernlight.", 5200),
    Person("tom", "Tom Hughes", "New here. Building a bike trailer, slowly.", 330),
    Person("lena", "Lena Kowalska", "Ceramics, glaze chemistry, too many test tiles.", 4400),
    Person("samir", "Samir Haddad", "Field engineer at Fernlight.", 3900),
)

SPACES = (
    Space(
        "makers",
        "Riverside Makers",
        "A shared workshop by the canal: wood, metal, clay, electronics, and people who know how.",
        9800,
        {
            "amara": "owner",
            "jonas": "moderator",
            "mei": "member",
            "rafael": "member",
            "tom": "member",
            "lena": "member",
        },
    ),
    Space(
        "fernlight",
        "Fernlight Help",
        "Where owners of Fernlight grow lamps help each other, with the support team at hand.",
        5200,
        {"priya": "owner", "samir": "moderator", "amara": "admin", "mei": "member", "lena": "member"},
    ),
)

CHANNELS = (
    Channel("makers/general", "general", "Everything that has no better place", 9800),
    Channel("makers/workshop", "workshop", "Machines, bookings and who left the vacuum full", 9700),
    Channel("makers/electronics", "electronics", "Solder, scopes, firmware", 8200),
    Channel("makers/board", "board", "Rent, insurance, keys", 9700, only="jonas lena"),
    Channel("fernlight/announcements", "announcements", "Firmware releases and known faults", 5200),
    Channel("fernlight/setup", "setup", "First light: pairing, mounting, schedules", 5200),
    Channel("fernlight/growers", "growers", "What you grow and how it is doing", 5000),
)

MESSAGES: dict[str, tuple[Said, ...]] = {
    "makers/general": (
        Said(
            331,
            "amara",
            "Good morning all. The canal side door is fixed, so please use it again and leave the fire exit alone.",
            {"🎉": "jonas mei lena", "👍": "rafael"},
        ),
        Said(
            312,
            "tom",
            "Hello! Just joined. I want to build a bike trailer that carries a cello. Is that normal here?",
            {"👋": "amara jonas mei rafael lena"},
            (
                Said(311, "jonas", "Entirely normal. Last year somebody built a coffin for a harp."),
                Said(310.5, "mei", "It was a flight case, Jonas.", {"😂": "tom amara lena"}),
                Said(309, "rafael", "If you need hub adapters, I have a printable model that survived two winters."),
            ),
        ),
        Said(264, "lena", "Kiln is at 1,220 °C until about nine tonight. Please do not put your lunch near it again."),
        Said(
            216,
            "amara",
            "Open evening is on Thursday in two weeks. I need three people to run a bench each. Who is in?",
            {"🙋": "mei jonas"},
            (
                Said(215, "mei", "I can do soldering badges. We still have about forty boards."),
                Said(213, "jonas", "Dovetails by hand, 20 minutes, nobody loses a finger."),
                Said(190, "lena", "Pinch pots! I bring the clay."),
            ),
        ),
        Said(168, "rafael", "Printer 2 is back. It was the thermistor, as Mei said on day one.", {"🎉": "mei amara"}),
        Said(120, "tom", "Trailer frame is welded. It is even almost square.", {"👏": "jonas rafael", "🚲": "amara"}),
        Said(96, "jonas", "Found: one very good marking knife on the window sill. It is in the box by the door."),
        Said(70, "amara", "Reminder: the annual fee is due at the end of the month. Pay in the office or by transfer."),
        Said(47, "mei", "Does anybody still own a floppy drive? Asking for a sampler from 1987.", {"👀": "rafael"}),
        Said(
            26,
            "tom",
            "First ride with the trailer: 12 km, 100% of the cello survived.",
            {"🎻": "lena mei amara", "🎉": "jonas rafael"},
            (Said(25, "amara", "Please write this up as a post. With photographs of the hitch."),),
        ),
        Said(5, "lena", "Glaze test tiles are out of the kiln. The celadon came out, the copper red did not."),
    ),
    "makers/workshop": (
        Said(300, "jonas", "Table saw: new blade is on. Booked Tuesday and Wednesday mornings for the kitchen fronts."),
        Said(
            238,
            "rafael",
            "The dust collector trips the breaker when the planer starts. Planer first, then collector?",
            {"👍": "jonas tom"},
            (Said(236, "jonas", "Yes. I will put a sign on it until the soft starter arrives."),),
        ),
        Said(180, "tom", "May I use the MIG welder on Saturday without a babysitter, or is that after the induction?"),
        Said(179, "amara", "After the induction, which is on Saturday at ten. You are on the list."),
        Said(
            92,
            "lena",
            "Whoever left the vacuum full of plaster: it is now a sculpture.",
            {"😂": "mei jonas rafael tom"},
        ),
        Said(30, "jonas", "Soft starter is in. Planer and collector can start in any order again.", {"🎉": "rafael"}),
        Said(8, "rafael", "Band saw blade_3 is dull. I ordered two, 10 mm and 6 mm."),
    ),
    "makers/electronics": (
        Said(290, "mei", "The scope has a new firmware with serial decoding. Probes are in the second drawer."),
        Said(
            150,
            "rafael",
            "My stepper driver gets hot at 0.8 A with no load. Is that the chopper frequency or me?",
            {},
            (
                Said(149, "mei", "Show me the sense resistors. If they say R100, it is you."),
                Said(147, "rafael", "They say R100."),
                Said(146.5, "mei", "It is you.", {"😂": "tom amara"}),
            ),
        ),
        Said(52, "mei", "Forty badge boards are tested for the open evening. Two dead, both mine.", {"💪": "amara"}),
        Said(12, "tom", "What do I need for a dynamo-powered tail light that stays on for four minutes when I stop?"),
        Said(11, "mei", "A supercapacitor, 1 F, and a low-drop regulator. Come by tonight, I have both."),
    ),
    "makers/board": (
        Said(200, "jonas", "The landlord wants to talk about the roof. Lena, can you come along on Monday?"),
        Said(198, "lena", "Yes. I will bring the photographs of the leak."),
    ),
    "fernlight/announcements": (
        Said(
            240,
            "samir",
            "Firmware 4.2 is out: schedules follow daylight saving time, and the lamp no longer forgets its group.",
            {"🎉": "lena mei"},
        ),
        Said(
            66,
            "samir",
            "Known fault: on 4.2 some lamps flicker below 8% brightness. A fix is in testing. Until then, stay above"
            " 10%.",
            {"👀": "mei", "🙏": "lena"},
        ),
    ),
    "fernlight/setup": (
        Said(
            270,
            "lena",
            "The lamp pairs with my phone but not with the hub. Both are on the same network, I think.",
            {},
            (
                Said(269, "priya", "Is the network on 5 GHz only? The hub needs 2.4 GHz for pairing."),
                Said(262, "lena", "That was it. Thank you!", {"💚": "priya"}),
            ),
        ),
        Said(110, "mei", "How far above basil should a Fernlight 30 hang? The leaves are getting pale."),
        Said(109, "priya", "30 to 35 cm, and no more than 14 hours a day. Pale and crisp means too close."),
        Said(19, "lena", "Can a schedule fade in over an hour? I only find on and off."),
    ),
    "fernlight/growers": (
        Said(205, "lena", "Day 40: chillies are flowering under two lamps in the studio.", {"🌶️": "mei samir"}),
        Said(88, "mei", "My basil recovered. It is now a hedge.", {"🌿": "lena priya"}),
        Said(15, "samir", "Who wants to test the new red spectrum for a month? I have three panels."),
    ),
}

CONVERSATIONS = (
    Conversation("amara-tom", "amara tom", 320),
    Conversation("open-evening", "amara jonas mei lena", 212, "Open evening"),
    Conversation("amara-priya", "amara priya", 140),
    Conversation("jonas-lena", "jonas lena", 201),
)

DIRECT: dict[str, tuple[Said, ...]] = {
    "amara-tom": (
        Said(319, "amara", "Welcome, Tom. Your key card is at the office, ask for the blue envelope."),
        Said(318, "tom", "Got it, thank you! When is the next welding induction?", {"👍": "amara"}),
        Said(317, "amara", "Saturday week at ten. I put you down."),
        Said(24, "tom", "I would like to give the offcut rack a proper home. May I spend 60 euros on brackets?"),
    ),
    "open-evening": (
        Said(211, "amara", "Here we can plan without waking everybody. Doors at six, benches at half past."),
        Said(209, "jonas", "I need the bench by the window, the light is better."),
        Said(208, "mei", "Then I take the corner with the fume extractor.", {"👍": "jonas amara"}),
        Said(76, "lena", "Do we have aprons for children?"),
        Said(75, "amara", "Twelve, in the cupboard above the sink."),
    ),
    "amara-priya": (
        Said(139, "priya", "Could your makers test our new wall mount? Ten pieces, feedback by the end of the month."),
        Said(137, "amara", "Gladly. Send them to the workshop, and put my name on the parcel.", {"🙏": "priya"}),
    ),
    "jonas-lena": (
        Said(200.5, "jonas", "Monday at nine at the landlord's?"),
        Said(199, "lena", "I will be there."),
    ),
}

WRITTEN = (
    Written(
        "post",
        "makers",
        320,
        "amara",
        "Induction dates for the next two months",
        "Wood: first and third Saturday. Metal: second Saturday at ten. Kiln: ask Lena. Bring closed shoes, and tie"
        " back long hair.",
        {"like": "jonas lena", "insightful": "tom"},
        (
            Comment(305, "tom", "Is there a waiting list for metal?"),
            Comment(304, "amara", "Yes, and you are on it."),
        ),
    ),
    Written(
        "post",
        "makers",
        214,
        "jonas",
        "",
        "The oak from the old bakery counter is now cut and stacked. Ten boards of about two metres for members, two"
        " per person, pay what you think is right.",
        {"love": "amara mei", "like": "rafael tom lena"},
        (Comment(210, "rafael", "Two for me, please."),),
    ),
    Written(
        "post",
        "makers",
        166,
        "rafael",
        "What was wrong with printer 2",
        "Three weeks, four hot ends, one thermistor. Write-up: the crimp had gone high-resistance when warm, so it"
        " read 8 °C low at 210 °C. Check crimps before you buy parts.",
        {"insightful": "mei jonas amara"},
        (
            Comment(165, "mei", "I said thermistor on day one."),
            Comment(164, "rafael", "You did. It is in the log book now, in red."),
        ),
    ),
    Written(
        "post",
        "makers",
        22,
        "tom",
        "The cello trailer rides",
        "Weld, wheels, weather cover: done. 38 hours of work and about 140 euros, most of it for the hitch. Many"
        " thanks to Jonas and Rafael.",
        {"celebrate": "amara jonas rafael lena mei"},
        (Comment(20, "lena", "It is beautiful. The cello agrees."),),
    ),
    Written(
        "post",
        "fernlight",
        238,
        "priya",
        "Firmware 4.2: what changes for you",
        "Update over the app, one lamp at a time, and keep the hub powered. Schedules keep their names. Allow five"
        " minutes each.",
        {"like": "mei lena", "love": "samir"},
        (Comment(230, "lena", "Both lamps updated without a hitch."),),
    ),
    Written(
        "post",
        "fernlight",
        64,
        "samir",
        "",
        "If your lamp flickers when dimmed: send us the serial number in a ticket. We collect them to find out"
        " whether it is one batch.",
        {"like": "mei"},
        (Comment(60, "mei", "Sent. Mine begins with FL30-2219."),),
    ),
    Written(
        "article",
        "makers",
        280,
        "jonas",
        "Sharpening a plane iron so that it stays sharp",
        "# Flat back first\n\nOnly the last five millimetres matter. Work them on 1000, then 4000, until the"
        " scratches all run one way.\n\n# Bevel\n\n25° on the wheel, 30° on the stone. Stop at the burr.\n\n#"
        " Strop\n\nTen strokes, pulled, never pushed.\n",
        {"insightful": "tom rafael", "love": "amara"},
        (Comment(270, "tom", "Number two finally made it click. Thank you."),),
    ),
    Written(
        "article",
        "makers",
        130,
        "lena",
        "Reading a glaze recipe",
        "A recipe is a list of oxides in disguise. Silica makes the glass, alumina keeps it on the pot, fluxes"
        " decide at what heat it melts. Start with the ratio of silica to alumina: below 5 to 1 it is matt, above 8"
        " to 1 glossy.\n",
        {"insightful": "mei amara"},
    ),
    Written(
        "article",
        "fernlight",
        190,
        "priya",
        "Light for seedlings: hours, height, brightness",
        "Seedlings want 14 to 16 hours, at 40 cm, at half brightness. Raise brightness by a tenth each week."
        " Stretching means too little light, bleaching too much.\n",
        {"like": "lena mei"},
        (Comment(180, "mei", "Could you add a line about basil?"),),
    ),
    Written(
        "question",
        "makers",
        175,
        "tom",
        "Which steel tube for a trailer that carries 30 kg?",
        "I can get 20 by 20 mm square tube, or 25 mm round with 1.5 mm wall. Which bends less, and which is easier"
        " to weld for a beginner?",
        {},
        (
            Comment(174, "jonas", "Square. Easier to clamp, easier to cut, stiff enough for twice that."),
            Comment(173, "rafael", "And 2 mm forgives more when you stay too long with the torch."),
        ),
    ),
    Written(
        "question",
        "makers",
        49,
        "mei",
        "How do you clean flux from under a QFN?",
        "Isopropanol and a brush get everything but what is underneath, and that is what leaks current.",
        {},
        (Comment(44, "rafael", "Ultrasonic bath, ten minutes, then bake at 60 °C."),),
    ),
    Written(
        "question",
        "fernlight",
        18,
        "lena",
        "Can a schedule fade in like a sunrise?",
        "My orchids start at full brightness, which seems rude. Is there a setting that I overlook?",
        {},
        (Comment(16, "samir", "It is in 4.3, which is in testing. You may join the test."),),
    ),
)

POLLS = (
    Poll(
        "makers",
        72,
        "amara",
        "What should we buy with the surplus of 900 euros?",
        {
            "A second soldering station": "mei rafael",
            "A dust extractor for the sanding table": "jonas lena tom",
            "Save it for the roof": "",
        },
    ),
    Poll(
        "makers",
        250,
        "jonas",
        "Which evening suits you for the members' meeting?",
        {"Tuesday": "amara tom mei", "Wednesday": "lena"},
        closed_ago=180,
    ),
    Poll(
        "fernlight",
        100,
        "priya",
        "How is the new app?",
        {"Better": "mei", "The same": "samir", "Worse": "lena"},
        anonymous=True,
    ),
)

TICKETS = (
    Ticket(
        78,
        "tom",
        "My key card does not open the metal room",
        "It opens the front door and the wood room. I passed the induction on Saturday.",
        "open",
        space="makers",
        comments=(
            Comment(74, "amara", "Inductions are entered on Mondays. I will look at it today."),
            Comment(73, "amara", "Card 0417 is in the wrong group in the door system.", internal=True),
        ),
    ),
    Ticket(
        65,
        "lena",
        "Lamp flickers when dimmed",
        "Since firmware 4.2, below about 8%. Serial number FL30-2204-0093.",
        "in_progress",
        space="fernlight",
        assignee="samir",
        comments=(
            Comment(63, "samir", "Thank you, this is the known fault. Please stay above 10% for now."),
            Comment(62, "samir", "Batch 2204 again. Ask the factory about the driver chips.", internal=True),
            Comment(40, "lena", "10% is fine for the chillies."),
        ),
    ),
    Ticket(
        160,
        "mei",
        "Hub does not find the second lamp",
        "The first one pairs, the second never shows up in the list.",
        "resolved",
        space="fernlight",
        assignee="priya",
        comments=(
            Comment(158, "priya", "Please reset it: off and on five times."),
            Comment(157, "mei", "That helped!"),
        ),
    ),
    Ticket(
        295,
        "tom",
        "Invoice shows my old address",
        "The address in my profile is right, the invoice is not.",
        "closed",
        assignee="amara",
        comments=(Comment(290, "amara", "Corrected and sent again."),),
    ),
    Ticket(
        28,
        "amara",
        "Export of all members as a spreadsheet",
        "The board wants a list of names and joining dates for the yearly report.",
        "open",
        space="makers",
    ),
    Ticket(9, "mei", "Cannot upload a picture to my profile", "It stays at 100% and nothing happens.", "open"),
)

NOTICES = (
    Notice(304.5, "amara", "tom", "comment", "commented on your post", ("post", 0), read=True),
    Notice(78, "amara", "tom", "ticket", "opened the ticket “My key card does not open the metal room”", ("ticket", 0)),
    Notice(74, "tom", "amara", "ticket", "commented on your ticket", ("ticket", 0), read=True),
    Notice(63, "lena", "samir", "ticket", "commented on your ticket", ("ticket", 1)),
    Notice(25, "tom", "amara", "mention", "asked you to write up the trailer", ("message", "makers/general/9/0")),
    Notice(24, "amara", "tom", "mention", "asked you about brackets for the rack", ("conversation", "amara-tom")),
    Notice(20, "tom", "lena", "comment", "commented on your post", ("post", 3)),
    Notice(9, "amara", "mei", "ticket", "opened the ticket “Cannot upload a picture to my profile”", ("ticket", 5)),
)
