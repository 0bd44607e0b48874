"""Where the world's sounds come from: Debian 12's packages (main), pinned, and what is taken of each.

A group is one source: a voice, an instrument, a kit, a place. At most a few clips of each are taken, so that no source
speaks for the world. What benchmarks/restraint.py is measured on is not among them: of klettres, ktuberling and Tux
Paint some languages are left out, of Scratch and GCompris the animals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "voices", "instruments", "machines", "animals", "weather", "alarms", "household", "rooms", "effects", "synthetic"
]


@dataclass(frozen=True)
class Package:
    """A Debian package of one version, and whose it is.

    `folder`: where a mirror keeps it, below pool/main. `sha256`: of the whole .deb. `licence`, `whose`: from its
    copyright file, for the sounds that are taken.
    """

    name: str
    version: str
    folder: str
    sha256: str
    licence: str
    whose: str

    @property
    def file(self) -> str:
        """The .deb's name on a mirror, which leaves out the version's epoch."""
        return f"{self.name}_{self.version.rpartition(':')[2]}_all.deb"

    @property
    def credit(self) -> str:
        return f"{self.name} {self.version}, {self.whose}, {self.licence}"


@dataclass(frozen=True)
class Pick:
    """Files of a package: those whose path matches `pattern`, in part or whole.

    The pattern's group, if it has one, names the source; without one each file is a source of its own. `most` clips of
    each source are taken, spread evenly over its files' names. A long recording gives `cuts` clips at most.
    """

    package: str
    kind: Kind
    pattern: str
    most: int = 3
    cuts: int = 1


_GPL = "GPL-2+"
PACKAGES = (
    Package("asterisk-core-sounds-en-g722", "1.6.1-1", "a/asterisk-core-sounds",
            "38c5261820b406dcb0ecb37675720da2b0864850690690352ca52707eb623806",
            "CC BY-SA 3.0", "Copyright 2003-2010 Allison Smith"),
    Package("asterisk-core-sounds-es-g722", "1.6.1-1", "a/asterisk-core-sounds",
            "e4e3b4281057d3b81b779298fd6be705f57411513955c518eed1bcaabbd615b8",
            "CC BY-SA 3.0", "Copyright 2003-2010 Allison Smith"),
    Package("asterisk-core-sounds-fr-g722", "1.6.1-1", "a/asterisk-core-sounds",
            "7add61d5e42279ecff1bbdf842a5a946ac3644fac9a0fe44384731aa7270c8e0",
            "CC BY-SA 3.0", "Copyright 2006-2008 June Wallack"),
    Package("asterisk-core-sounds-it-g722", "1.6.1-1", "a/asterisk-core-sounds",
            "46b4cf7afc508a5fcfc051b7ea233251c0d195dd4ef83cc4b7facb4c6429b016",
            "CC BY 3.0", "Copyright 2012 Carlo Flora"),
    Package("asterisk-core-sounds-ru-g722", "1.6.1-1", "a/asterisk-core-sounds",
            "673b4238a6b8269960f055d868c6a11083f7a0d00979167cb01554046b48ed9b",
            "CC BY 3.0", "Copyright 2010 Maxim Topal"),
    Package("klettres-data", "4:22.12.3-1", "k/klettres",
            "1186d257a19e84230856baea0b0b1ded8be9195080fcdb2588970b5cd937f5a8",
            _GPL, "Copyright 2001-2011 Anne-Marie Mahfouf and others"),
    Package("ktuberling-data", "4:22.12.3-1", "k/ktuberling",
            "fba44c875bfa31ea488dadd9263e87a4dcaea0bd47d28817f6c0dc6d2af970ed",
            _GPL, "Copyright 1999-2017 Éric Bischoff, Albert Astals Cid and others"),
    Package("tuxpaint-stamps-default", "2022.06.04-1", "t/tuxpaint-stamps",
            "6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34",
            "GPL-2", "Copyright 2002-2022 Bill Kendrick and others"),
    Package("gcin-voice", "0~20170223-3", "g/gcin-voice",
            "6a0353f0294d06f7bd901bada3d5d9eec63b66c2ec029f92da3124d93d45de70",
            "CC BY 3.0 and LGPL-3", "Copyright 2014 Edward Der-Hua Liu and ChionMeilin"),
    Package("fluidr3mono-gm-soundfont", "2.315-7", "f/fluidr3mono-gm-soundfont",
            "4098301bf29f4253c2f5799a844f42dd4aa733d91a210071ad16d7757dea51d6",
            "MIT", "Copyright 2000-2017 Frank Wen, Michael Cowgill and others"),
    Package("sonic-pi-samples", "3.2.2~repack-8", "s/sonic-pi",
            "25f2312d2fae005e6ad0f4726b8ed3084e776006a5a132083506e960224ac79d",
            "CC0 1.0", "Sam Aaron and others"),
    Package("gcompris-qt-data", "3.1-2", "g/gcompris-qt",
            "e9cf06ab2105529068df73085784e835d2ff03f870d2a8091f09125d40abac9f",
            "Free Art 1.3, GPL-3+, CC BY(-SA) 2.0 to 4.0, CC0 1.0, public domain",
            "Copyright 2000-2022 the GCompris authors"),
    Package("scratch", "1.4.0.6~dfsg1-6.1", "s/scratch",
            "36c582eb93110f64f06c4e685c41e933ccba2fa68db12f79b10bfe840b21fc10",
            "CC BY-SA 3.0", "Copyright 2011 Massachusetts Institute of Technology"),
    Package("lincity-ng-data", "2.9~git20150314-5", "l/lincity-ng",
            "8f5e85bd42879abdc7099b035d7a3d7468eceb6b93b52a12270c28f3f3c792f9",
            "GPL-2+ or CC BY-SA 2.0", "Copyright 1995-2008 the LinCity and LinCity-NG authors"),
    Package("searchandrescue-data", "1.3.0-1.1", "s/searchandrescue-data",
            "0036c09a92a90a2ce4ac3dde026bb90cc306cd1964f24749c0229926ff36d1d3",
            "GPL", "Copyright 1999-2004 WolfPack Entertainment"),
    Package("micropolis-data", "0.0.20071228-10", "m/micropolis-activity",
            "8d30b1cd0eb340f42ae71ea596a28bbdd57111afa1f381755d8c445a5e8e7b5c",
            "GPL-3+", "Copyright 1989-2007 Electronic Arts Inc., Don Hopkins"),
    Package("openttd-opensfx", "1.0.3-2", "o/openttd-opensfx",
            "2898b4677a3caccc4abc08fb4cf83319047b5a04729291deb5c77a8cd713c006",
            "CC BY-SA 3.0", "the OpenSFX authors"),
    Package("lomiri-sounds", "22.02-1", "l/lomiri-sounds",
            "d4a8fd0247e43e784ad75c11312d1f0e08a0ced6a4cfaadde3dcf118ab4e9abf",
            "CC BY-SA 3.0, CC BY 3.0 and 4.0, CC0 1.0",
            "Copyright 2013-2021 Canonical Ltd., UBports Foundation and others"),
    Package("oxygen-sounds", "4:5.27.5-2", "o/oxygen-sounds",
            "2230772aea70fb6508a38eeb8fb29f56357d9e00751477fe1954057c41541960",
            "LGPL-3+", "Copyright 2008 Nuno Filipe Povoa"),
    Package("sound-icons", "0.1-8", "s/sound-icons",
            "cbb7defa9cab0c86c9151e72c6c8a99a0ed21d244bc4c7cffdde7a0e4d9fa5b3",
            _GPL, "Copyright 2003 Brailcom, o.p.s."),
)  # fmt: skip

# Languages that are kept for measuring are missing here: of klettres cs, he, hu, lt, ml, tn; of ktuberling ca, el, fi,
# gl, lt; of Tux Paint be, ca, el, lt.
PICKS = (
    *(Pick(f"asterisk-core-sounds-{language}-g722", "voices", r"sounds/([^/]+)/.*\.g722$", most=40)
      for language in ("en", "es", "fr", "it", "ru")),
    Pick("klettres-data", "voices",
         r"klettres/(ar|da|de|en|en_GB|es|fr|id|it|nb|nds|nl|nn|pt_BR|ru|uk)/.*\.ogg$", most=16),
    Pick("ktuberling-data", "voices",
         r"sounds/(da|de|en|es|fr|ga|it|nds|nl|nn|pt|ro|ru|sl|sr|sv|uk|wa)/.*\.(?:ogg|wav|opus)$", most=16),
    Pick("tuxpaint-stamps-default", "voices", r"_desc_(bg|da|es|fr|nl|ro|ru)\.ogg$", most=24),
    Pick("gcin-voice", "voices", r"/(3|5)\.ogg$", most=24),
    Pick("scratch", "voices", r"Sounds/(?:Human|Vocals)/.*\.(?:wav|mp3)$"),
    Pick("sonic-pi-samples", "instruments", r"samples/.*\.flac$", cuts=2),
    Pick("scratch", "instruments", r"Sounds/(?:Instruments|Percussion|Music Loops)/.*\.(?:wav|mp3)$"),
    Pick("gcompris-qt-data", "instruments", r"(?:instruments|explore_world_music)\.rcc/(?!drum_kit).*\.ogg$"),
    Pick("tuxpaint-stamps-default", "instruments", r"hobbies/music/.*/\w+[^_]\.ogg$"),
    Pick("gcompris-qt-data", "rooms", r"memory-sound\.rcc/.*\.ogg$", cuts=3),
    Pick("gcompris-qt-data", "effects",
         r"(?:canal_lock|clickgame|core|erase|guessnumber|melody|mining|money|morse_code|railroad|reversecount|"
         r"scalesboard|target|traffic|watercycle)\.rcc/.*\.wav$"),
    Pick("tuxpaint-stamps-default", "animals", r"stamps/animals/(?!.*_desc).*\.(?:ogg|wav)$"),
    Pick("tuxpaint-stamps-default", "household", r"stamps/(?:household|food)/(?!.*_desc).*\.(?:ogg|wav)$", cuts=2),
    Pick("tuxpaint-stamps-default", "machines", r"stamps/(?:vehicles|space)/(?!.*_desc).*\.(?:ogg|wav)$", cuts=2),
    Pick("tuxpaint-stamps-default", "weather", r"stamps/naturalforces/(?!.*_desc).*\.(?:ogg|wav)$"),
    Pick("scratch", "household", r"Sounds/Effects/.*\.(?:wav|mp3)$", cuts=2),
    Pick("scratch", "effects", r"Sounds/Electronic/.*\.(?:wav|mp3)$"),
    Pick("lincity-ng-data", "machines",
         r"sounds/(Blacksmith|Build|CoalMine|Fire|FireStation|Harbor|Industry\w+|Mill|OreMine|Power\w+|RailTrain|Raze|"
         r"Recycle|Rocket\w*|Substation\w*|Tra\w+|DirtTrack|WindMill\w*|Pottery)\d*\.wav$"),
    Pick("lincity-ng-data", "rooms",
         r"sounds/(Commune|Farm|Green|Health|Market\w+|Monument\w*|OrganicFarm|Parkland\w+|Residential\w+|School|"
         r"Shanty|SportsCroud|Tip|University|Water)\d*\.wav$"),
    Pick("searchandrescue-data", "weather", r"/thunder_\w+\.wav$"),
    Pick("searchandrescue-data", "machines", r"/(?!thunder)\w*(?:engine|gear|flap|skid|brake|crash|thud|splash|door)"
         r"\w*\.wav$", cuts=2),
    Pick("micropolis-data", "machines", r"res/sounds/\w{3}[\w-]*\.wav$"),
    Pick("openttd-opensfx", "machines", r"opensfx\.cat/.*$"),
    Pick("lomiri-sounds", "alarms", r"/(?:notifications|ringtones)/.*\.ogg$", cuts=2),
    Pick("oxygen-sounds", "alarms", r"\.ogg$"),
    Pick("sound-icons", "effects", r"\.wav$"),
)  # fmt: skip

SOUNDFONT = ("fluidr3mono-gm-soundfont", r"\.sf3$")  # rendered: every program, and the drum kit
