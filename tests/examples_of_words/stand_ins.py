"""Small data in the formats that the examples read, so that tests need no network.

The words are everyday ones of four languages, and `co2.csv` is the beginning of the
measurements on Mauna Loa (public domain, as in statsmodels). All else is
made up.
"""

import io
import tarfile
import wave
from pathlib import Path

import numpy as np

WORDS = {
    "american-english": """
        about after again another because before between bread bring brother
        brought children clothes country daughter different difficult drink
        during earth enough evening every family father field finger flower
        follow forest friend friendship garden grandmother happiness heart heavy
        history house hundred kitchen knowledge language laughter letter light
        listen little market minute money month morning mother mountain music
        neighbour never nothing number people picture question quick quiet
        remember river school season shoulder should sister something speech
        spring stone street strength strong summer table teacher thanks thing
        think thought thread through throw together tomorrow tongue travel truth
        understand village voice wander water weather weight which while white
        wholesome window winter without woman wonder would write yellow
        yesterday young
    """,
    "french": """
        ailleurs aimer amitié année appeler apprendre argent assez aujourd aussi
        automne autre beaucoup besoin bonheur bouche campagne chaise chambre
        champ chanson chaque chemin cheval cheveux chose ciel coeur combien
        comme connaissance content couleur courage cuisine danse demain dernier
        deux dire donner école écrire église encore enfant ensemble espoir
        étoile faire famille fatigue femme fenêtre feuille fille fleuve forêt
        frère froid gauche gentil grand guerre heureux hier histoire homme hiver
        jamais jardin jeune joie jouer journée langue larme lumière main
        maintenant maison malheureux manger matin mère mieux montagne mourir
        neige nouveau nuage oiseau ouvrir parler pensée père petit peuple
        pleurer pluie pourquoi prendre printemps quelque quitter raison
        rencontre rouge savoir semaine silence soeur soleil sommeil souvent
        temps tête toujours travail trouver vérité viande vieux village ville
        voyage
    """,
    "ngerman": """
        Abend Abschied allein Antwort Apfel Arbeit Aufgabe Auge Baum bedeuten
        Bekanntschaft Berg besser Bild bleiben Blume Brief bringen Brücke Bruder
        Buch denken deutsch dunkel durch einfach Erde Erinnerung Erkenntnis
        erzählen Familie Farbe Feld Fenster Feuer finden Flugzeug Frage Frau
        Freiheit fremd Freundschaft Frieden fröhlich früher Frühling Garten
        Gebäude Gedanke gefährlich Geheimnis Geist Geschichte Geschwister
        Gesellschaft gestern Gesundheit glauben Glück Großmutter Hand Handschuh
        Heimat Herbst Herz Himmel Hoffnung Jahrhundert jemand Kaffee Kinder
        Kirche Krankheit Küche kurz lachen langsam Leben Lehrer lernen Licht
        Liebe machen Mädchen manchmal Mensch Milch Mittag möglich morgen Mutter
        Nachbar Nacht Nachricht nichts Regen richtig Schatten schlafen Schlüssel
        Schmetterling Schnee schreiben Schuhe Schwester sprechen Straße Stunde
        Tisch Traurigkeit Unterschied verstehen vielleicht Wahrheit Wald Wasser
        Wetter Winter wissen Woche Wunsch Zeitung zwischen
    """,
    "italian": """
        abbastanza acqua adesso allegro allora amare amicizia amore ancora
        andare anno aprire ascoltare aspettare autunno bambino bellezza bisogno
        bocca cambiare camera camminare campagna cantare capelli capire casa
        cavallo cercare chiamare chiesa cielo città colore coltello coraggio
        cosa cucina cugino cuore davanti dentro dimenticare dolce domanda domani
        donna dormire estate famiglia felicità festa fiducia figlio finestra
        fiore fiume foglia foresta forse fratello freddo fuoco giardino giorno
        giovane gioco grande guardare imparare inverno lavoro leggere lento
        libro lingua lontano luce luna macchina maestro mangiare mano mattina
        mercato momento mondo montagna mondo musica nascere neve nonna notte
        nuvola occhio ogni ombra parlare parola passeggiata paura pensiero
        piccolo pioggia piazza popolo porta presto primavera qualche quando
        ragazzo ragione ricordo ridere risposta scrivere scuola sempre sentire
        sera settimana silenzio sogno soldi sole sorella spesso stagione stanza
        stella strada tavola tempo terra treno tristezza trovare uccello uomo
        vecchio vento verità vestito viaggio vicino vita vivere volere zucchero
    """,
}


def word_lists(folder: Path) -> Path:
    """Write a list of words for each language, and return the folder."""
    for language, words in WORDS.items():
        (folder / language).write_text("\n".join(words.split()), encoding="utf-8")
    return folder


def ratings(folder: Path, count: int = 400) -> Path:
    """Write made-up reviews and ratings as vaderSentiment has them, and return it."""
    draw = np.random.default_rng(3)
    worth = {"good": 2, "lovely": 3, "fine": 1, "bad": -2, "awful": -3, "dull": -1}
    things = ["camera", "film", "day", "story", "phone", "song"]
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as archive:
        for source in ("tweets", "amazonReviewSnippets", "movieReviewSnippets"):
            lines = []
            for i in range(count // 3 + 1):
                word, thing = draw.choice(list(worth)), draw.choice(things)
                rating = worth[word] + draw.normal() / 4
                lines.append(f"{i}\t{rating:.3f}\tA {word} {thing}, I would say.")
            name = f"hutto_ICWSM_2014/{source}_GroundTruth.txt"
            put(archive, name, "\n".join(lines).encode())
    path = folder / "ratings.tar.gz"
    with tarfile.open(path, "w:gz") as outer:
        name = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
        put(outer, name, inner.getvalue())
    return path


def put(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file to an archive."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def sounds(folder: Path, count: int = 30) -> Path:
    """Write hums of rising and of falling pitch, as recordings of two languages."""
    draw = np.random.default_rng(4)
    seconds = np.arange(9000) / 8000
    for name, slope in (("rising", 300), ("falling", -300)):
        (folder / name).mkdir()
        for i in range(count):
            start = draw.uniform(500, 900) - slope * 0.5
            phase = 2 * np.pi * (start * seconds + slope * seconds**2 / 2)
            noise = draw.normal(size=len(seconds))
            sound = np.round(6000 * np.sin(phase) + 100 * noise).astype("<i2")
            with wave.open(str(folder / name / f"{i}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes(sound.tobytes())
    return folder


def dictionary(folder: Path, count: int = 400) -> Path:
    """Write a dictionary of made-up words, each letter of which has one sound."""
    draw = np.random.default_rng(5)
    consonants = {"b": "B", "d": "D", "g": "G", "k": "K", "l": "L", "m": "M", "s": "S"}
    vowels = {"a": "AH0", "e": "EH1", "i": "IY0", "o": "OW2"}
    path = folder / "cmudict.dict"
    lines = []
    for _ in range(count):
        kinds = [
            consonants if i % 2 == 0 else vowels for i in range(draw.integers(3, 7))
        ]
        word = [draw.choice(list(kind)) for kind in kinds]
        sounds = [kind[letter] for kind, letter in zip(kinds, word)]
        lines.append(f"{''.join(word)} {' '.join(sounds)}")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def packages(folder: Path, count: int = 300) -> Path:
    """Write what `apt-cache dumpavail` prints, of two kinds of made-up programs."""
    draw = np.random.default_rng(6)
    entries = []
    for kind in ("paint", "sing"):
        libraries = [f"lib{kind}{letter}" for letter in "abcdefghijkl"]
        for name in libraries:
            entries.append(f"Package: {name}\nDescription: library to {kind}\n")
        for i in range(count // 2):
            needs = ", ".join(
                f"{x} (>= 1.{i})" for x in draw.permutation(libraries)[:6]
            )
            entries.append(
                f"Package: my{kind}{i}\nDepends: {needs}\nDescription: one to {kind}\n"
            )
    path = folder / "packages.txt"
    path.write_text("\n".join(entries), encoding="utf-8")
    return path
