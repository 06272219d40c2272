#!/usr/bin/env bash
# Renders the text lines of this sample again: needs ImageMagick 6 (convert) and the DejaVu and Liberation fonts.
#   ./render.sh FOLDER   writes FOLDER/calib/*.png, FOLDER/eval/*.png and FOLDER/{calib,eval}_text.json
# Seeded: the same versions of ImageMagick, FreeType and the fonts draw the same bytes.
set -euo pipefail
out=${1:?usage: render.sh FOLDER}
export MAGICK_THREAD_LIMIT=1

fonts=(DejaVu-Sans DejaVu-Sans-Bold DejaVu-Serif DejaVu-Serif-Bold DejaVu-Sans-Mono DejaVu-Sans-Condensed
    Liberation-Sans Liberation-Sans-Bold Liberation-Sans-Italic Liberation-Serif Liberation-Serif-Italic
    Liberation-Mono Liberation-Sans-Narrow)
words=(account almond anchor answer apple arrow august autumn balance bakery barley basket battery beacon bicycle
    blanket border bottle branch bridge bright broken butter button cabin camera candle canvas carbon careful castle
    cellar change charter cheese cherry circle citizen clever cluster coffee copper corner cotton country courage
    cousin cradle crystal current curtain danger decade degree delta dinner doctor dollar double dragon driver early
    eastern editor eleven empire engine evening exact fabric factor family farmer feather figure finger flight flower
    forest formula fortune fourth freedom friend future galaxy garden gentle ginger global golden grammar granite
    ground guitar hammer harbor hazel helmet hidden history hollow honest horizon hotel house hundred island jacket
    journal journey jungle kernel kettle kitchen ladder lantern letter library lemon level linen liquid little lively
    lumber magnet manager maple marble market matrix meadow medium member method middle mirror modern moment monday
    morning mother motion museum narrow nation needle network night noble normal north notice number object ocean
    office olive orange orchard order origin outside oxygen packet palace paper parcel pattern pencil pepper person
    pillow pilot planet pocket polite portal potato powder prairie private public purple puzzle quarter quick quiet
    rabbit railway random ready reason record repair report result ribbon river robust rocket sample school season
    second secret sensor shadow signal silver simple sister sketch smooth spring square stable station stone summer
    sunset system table tailor target temple tensor thirty thunder ticket timber tomato travel tunnel twelve valley
    velvet village violet vision volume wagon walnut water weather west whisper willow window winter wisdom wonder
    yellow yesterday)

state=20260301
# Sets roll to a whole number in [0, $1): a 31-bit linear congruential generator's upper bits.
below() {
    state=$(((state * 1103515245 + 12345) & 0x7fffffff))
    roll=$(((state >> 8) % $1))
}
between() {
    below $(($2 - $1 + 1))
    roll=$((roll + $1))
}
word() {
    below ${#words[@]}
    word=${words[roll]}
}
digits() {
    number=
    for ((d = 0; d < $1; d++)); do
        below 10
        number+=$roll
    done
}

# Sets text: two words, one, a capitalised one, a number, a price, a date, a code.
choose_text() {
    below 10
    case $roll in
        0 | 1 | 2) word; text=$word; word; text+=" $word" ;;
        3 | 4) word; text=$word ;;
        5) word; text=${word^} ;;
        6) between 5 9; digits "$roll"; text=$number ;;
        7) digits 3; text=1$number; digits 2; text+=.$number ;;
        8) digits 2; text=20$number; between 1 9; text+=-0$roll; between 10 28; text+=-$roll ;;
        # No I and O: many fonts draw them like 1 and 0.
        9) word; text=${word:0:3}; text=${text^^}; text=${text//[IO]/A}; digits 5; text+=$number ;;
    esac
}

# render FILE: one line of text on paper of its own colour, the rest of 320 columns the grey that the model sees as 0.
render() {
    below ${#fonts[@]}; font=${fonts[roll]}
    between 30 40; size=$roll
    between 165 255; red=$roll; between 165 255; green=$roll; between 165 255; blue=$roll
    paper="rgb($red,$green,$blue)"
    between 0 80; red=$roll; between 0 80; green=$roll; between 0 80; blue=$roll
    ink="rgb($red,$green,$blue)"
    below 4; case $roll in 0) local swap=$paper; paper=$ink; ink=$swap ;; esac
    between -20 20; turn=$(printf '%d.%02d' $((roll / 10)) $((roll < 0 ? -roll % 10 * 10 : roll % 10 * 10)))
    ((roll < 0 && roll > -10)) && turn=-$turn
    below 4; blur=$(printf '0.%d' $((roll * 3 + 1)))
    between -3 4; noise=$(printf '0.%02d' $((roll < 0 ? 0 : roll * 3)))
    convert -background "$paper" -fill "$ink" -font "$font" -pointsize 48 label:"$text" -rotate "$turn" \
        -trim +repage -resize "310x$size" "$work/line.miff"
    width=$(($(identify -format %w "$work/line.miff") + 8))
    convert "$work/line.miff" -background "$paper" -gravity center -extent "${width}x48" -blur "0x$blur" \
        -seed "$state" -attenuate "$noise" +noise Gaussian \
        -background 'rgb(128,128,128)' -gravity West -extent 320x48 -depth 8 -strip \
        -define png:exclude-chunks=date,time -define png:compression-level=9 -define png:compression-filter=5 "PNG24:$1"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for split in calib:96 eval:144; do
    name=${split%:*}
    mkdir -p "$out/$name"
    texts=
    for ((i = 0; i < ${split#*:}; i++)); do
        choose_text
        render "$out/$name/$(printf '%03d' "$i").png"
        texts+="${texts:+,}"$'\n'"  \"$text\""
    done
    printf '[%s\n]\n' "$texts" >"$out/${name}_text.json"
done
