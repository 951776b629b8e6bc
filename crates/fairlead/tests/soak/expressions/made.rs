//! The expressions that are asked about.

/// What is at the borders of RE2's grammar, and of its program sizes; and what users write.
const BY_HAND: &[&str] = &[
    "(?i)k|x",
    "(?i:k)|x",
    "(?i:[acegikmoqsuwy])|b",
    "a(?i:[acegikmoqsuwy])|ab",
    "(?i)abc|abd|xyz|abe",
    "a|b",
    "ab|ac|ad",
    "(?i)foo|bar|baz",
    "a|ab|abc",
    "[Aa]",
    "[Aa]|b",
    "(?i:[^k])+?*",
    "(?i)ka|kb|x",
    "(?P<ê>a)",
    "(?P<ª>a)",
    "(?P<é>a)",
    r"\x{00000FF}",
    r"\x{FFFFFFFFFFF}",
    r"\400",
    r"\377",
    r"\08",
    r"\_",
    r"\é",
    r"\ ",
    "\\\t",
    r"[\é]",
    "(?i)é",
    "(?i)[à-ü]",
    "(?",
    "(?P",
    "(?P<",
    "(?P<a",
    "(?<",
    "(?<a>",
    "(?i",
    "(?i:",
    "(?P>a)",
    "(?P=a)",
    "(?#x)",
    "(?|a)",
    "(?&a)",
    "(?1)",
    "(?R)",
    "a{1",
    "a{1,",
    "a{1,2",
    "a{,",
    "a{}",
    "a{ 1}",
    "a{1 }",
    "a{-1}",
    "a{1,2,3}",
    "a{999999999}",
    "a{1000000000}",
    "a{0,1000}",
    "a{1000,}",
    "a{1001,}",
    "a{5}{0}",
    "(a{5}){0}",
    "((a{500}){0}){500}",
    "((a{500}){1}){3}",
    "((a{2}){2}){251}",
    "((a{2}){2}){250}",
    "(a{1000}|b){1}",
    "(a{1000}|b){2}",
    "(a{0,1000}){2}",
    "(a*){1000}",
    "((a*)*){1000}",
    "[a-z-9]",
    "[--a]",
    "[a--]",
    "[]-a]",
    "[a-]",
    "[-]",
    "[^]",
    "[^^]",
    r"[\]]",
    "[[:alpha:]-z]",
    "[a-[:alpha:]]",
    r"[\pL-z]",
    r"[a-\pL]",
    "[[:alpha:",
    "[[:",
    "[[:]",
    "[:alpha:]",
    "[[:alpha:][:digit:]]",
    "[[:^foo:]]",
    "[[:Alpha:]]",
    r"[\Q]\E]",
    r"\E",
    r"\E*",
    r"a\E*",
    r"\Qa\E*",
    r"\Qab\E{2}",
    r"\Q\Q\E",
    r"\Q\",
    r"\Qa\\E",
    "(?s)(?-s).",
    "(?i-)",
    "(?--i)",
    "(?i-s-m)",
    "(?is-mU:a)",
    "(?^)",
    "(?a)",
    "(?L)",
    "x*(?i)*",
    "x*(?:)*",
    "x*()*",
    "(x*)*",
    "(?:x*)*",
    "(?:x*)?",
    "|",
    "||",
    "(|)",
    "(|*)",
    "^*",
    "$?",
    r"\b{2}",
    r"\A+",
    r"\Z",
    r"\z*",
    r"\G",
    r"\K",
    r"\R",
    r"\X",
    r"\h",
    r"\v",
    r"\N",
    r"\e",
    r"\cA",
    r"\d+?+",
    "a+??",
    "a{2}??",
    "a{2}?",
    "a{2}+",
    r"\pL*",
    r"\p{L",
    r"\p",
    r"\pé",
    r"\p{}",
    r"\p{^}",
    r"\P{^L}",
    r"\p{^L}",
    r"\p^",
    r"\p^L",
    r"[\p]",
    r"[\p",
    r"[\pL",
    "a)b",
    "(a",
    "((a)",
    ")",
    "(()",
    r"\(",
    "[(]",
    "[)]",
    "*a",
    "+",
    "?",
    "{1}",
    "{",
    "}",
    "{a}",
    "a{a}",
    ".*",
    "^.*$",
    ".*+",
    ".+",
    "/[^/]+/",
    "\n",
    "\r",
    "\t",
    "\x7F",
    "😀",
    "[😀]",
    "[^😀]",
    "😀*",
    "é|è",
    "[é-è]",
    "[è-é]",
    "[а-я]",
    "(?i)Я",
    "/static/[a-zA-Z0-9._-]{0,60}",
    "/static/[a-zA-Z0-9._-]{0,200}/[a-zA-Z0-9._-]{0,200}",
    ".*Chrome.*",
    "^/v4/advisory/[0-9a-z-]{36}/clone$",
    "/topic/.*/delete",
    "?",
    r"^(www\.)?example\.com(?::\d{1,5})?$",
    r"^hello-example\.default(\.svc(\.cluster\.local)?)?(?::\d{1,5})?$",
    "/orgs/([^/]+)/projects/([^/]+)/agents/([^/]+)/envs/([^/]+)",
    "^(.*?;)?(user=jason)(;.*)?$",
    r"(?i)^bearer\s+[a-z0-9._~+/-]+=*$",
    "^((?!admin).)*$",
    r"/api/v\d+(/.*)?",
    "x-envoy-(a|b|c)-[grep]{3}",
    "a.*b.*c.*d.*e.*f.*g.*",
    r"\/path\/with\/slashes",
    r"[\w-]+\.example\.com",
    "^/(?:en|de|fr)/.*",
    r"([A-Z]{2,3}-)?\d+",
    "*.example.com",
    "/users/{id}",
    "/users/{id}/orders/{order}",
    r"[0-9]{1,3}(\.[0-9]{1,3}){3}",
    "/a++",
    r"\Ahttps?://\Z",
    r"\p{L}+",
    r"\h+",
    r"(?<year>\d{4})-(?<month>\d{2})",
];

/// What a name in `\p{}` is made of: all that Envoy takes, and some that it does not.
const NAMES: &str = "
    Any C Cc Cf Common L Latin Ll Lo Lu N Nd No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zs Adlam Ahom
    Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo
    Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee
    Chorasmian Co Coptic Cs Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra
    Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati
    Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic
    Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li
    Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Lepcha Limbu Linear_A Linear_B Lisu Lm Lt
    Lycian Lydian M Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Mc Me Medefaidrin
    Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Mn Modi Mongolian Mro Multani
    Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nl Nushu Nyiakeng_Puachue_Hmong Ogham
    Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian
    Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician
    Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian
    Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil
    Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi
    Yezidi Yi Zanabazar_Square Zl Zp Garay Sunuwar Todhri Cn LC Letter greek GREEK Zyyy Zinh Unknown
    Assigned ASCII Script=Greek
";

/// Pieces of expressions, whole or broken.
const PIECES: &str = r"
    a b c Z k K s 0 9 é ß ſ K 漢 😀 . ^ $ \b \B \A \z \Z \C \d \D \s \S \w \W \pL \pl \p{L} \p{Lu} \P{Greek}
    \p{^Greek} \p{Han} \p{Any} \p{Cn} \p{greek} \pN \PN \p \p{ \x41 \x{1F600} \x{110000} \x{} \x4 \u0041 \n
    \t \v \a \f \e \0 \01 \012 \0123 \1 \8 \12 \18 \_ \- \/ \. \\ \é \Q \E \Q.*\E \Qa{2}\E / - _ , : < > = !
    @ { } } ] [ ) ( | (?: (?i) (?i: (?s) (?m) (?U) (?-i) (?i-s:) (?x) (?) (?-) (?P<n>a) (?<n>a) (?P<a.b>a)
    (?P<> (?P=n) (?=a) (?!a) (?<=a) (?<!a) (?>a) (?#c) (?P<é>a) (?P<n1_> [a] [^a] [a-z] [^a-z] [z-a] [a-]
    [-a] []a] [^]a] [[] [[:alpha:]] [[:^alpha:]] [^[:word:]] [[:foo:]] [[:alpha] [[.a.]] [[=a=]] [\d-z]
    [a-\d] [\w\s] [^\W] [^\x00-\x{10FFFF}] [\pL\PL] [\pL\d] [^\pL] [а-я] [^а-я] [é-ü] [a-zA-Z0-9._-] [^/]
    [\x{80}-\x{7ff}] [\x{D800}-\x{DFFF}] [a&&b] [a--b] [a~~b] [\b] [\Qab\E] [\] [a \d+ .* .+ .*? a{2} a{,3}
    a{2,} a{3,1} a{0} a{1001} a{1000} a{01} a{99999999999} {2} {2,3} {0,5} {40} {10} {1} * + ? *? +? ?? **
    ++ /static/ /api/v[0-9]+/ https?:// (?:a|b) (a|b|cd) (foo|foobar|bar) (ab?c)* (|a) () (?:) &&
";

/// Single characters, a space among them.
const CHARACTERS: &str = "abcAZ09.^$*+?{}()[]|\\-/,: pPdDwWsSQEx<>=!iumU&~#@é漢";

/// Whole expressions that larger ones are made of.
const LEAVES: &str = r"
    a b ab abc x é . [a-z] [^/] \d \w \W \pL \PN [а-я] (?i:k) (?i:ab) ^ $ \b [^é] \p{Greek} 漢 (?:) (?i:é)
    [^a] (?s:.) [\x{80}-\x{FF}] (?i:[k-ü]) (?i:\pL) (?i:[^k]) (?i:\W) (?i:\p{Lu}) [a-zA-Z0-9._-] \C
";

/// Repetitions.
const REPETITIONS: &str = "
    * + ? *? +? ?? {0} {1} {2} {5} {10} {40} {100} {0,} {1,} {3,} {10,} {0,1} {0,5} {0,60} {1,3} {2,7}
    {5,25} {5,65}
";

/// Those that stand here, and each name of a group of characters in its places.
pub(super) fn by_hand() -> Vec<String> {
    let named = NAMES.split_whitespace().flat_map(|name| {
        [format!(r"\p{{{name}}}"), format!(r"[\P{{{name}}}x]"), format!(r"(?i)[^\p{{{name}}}]")]
    });
    BY_HAND.iter().map(|text| (*text).to_owned()).chain(named).collect()
}

/// Random ones, the same for each seed.
pub(super) fn at_random(count: usize, seed: u64) -> Vec<String> {
    // The state of a xorshift is never zero.
    let mut random = Random(seed.max(1));
    // Istio's limit for a length is applied before.
    std::iter::repeat_with(|| random.expression())
        .filter(|expression| !expression.is_empty() && expression.len() <= 1024)
        .take(count)
        .collect()
}

/// A source of numbers that look random (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn one_of(&mut self, texts: &'static str) -> &'static str {
        let texts: Vec<_> = texts.split_whitespace().collect();
        texts[self.below(texts.len())]
    }

    fn expression(&mut self) -> String {
        match self.below(20) {
            0..8 => (0..=self.below(6)).map(|_| self.one_of(PIECES)).collect(),
            8..13 => (0..=self.below(10)).map(|_| self.character()).collect(),
            13..15 => {
                let mut chars: Vec<_> = self.tree(3).chars().collect();
                for _ in 0..=self.below(3) {
                    chars.insert(self.below(chars.len() + 1), self.character());
                }
                chars.into_iter().collect()
            }
            _ => {
                let depth = 1 + self.below(4);
                self.tree(depth)
            }
        }
    }

    fn character(&mut self) -> char {
        let chars: Vec<_> = CHARACTERS.chars().collect();
        chars[self.below(chars.len())]
    }

    /// An expression that is well-formed, but for its size.
    fn tree(&mut self, depth: usize) -> String {
        if depth == 0 || self.below(10) < 3 {
            return self.one_of(LEAVES).to_owned();
        }
        match self.below(7) {
            0 | 1 => self.trees(depth, 4).concat(),
            2 => format!("(?:{})", self.trees(depth, 5).join("|")),
            3 => format!("({})", self.trees(depth, 3).join("|")),
            _ => format!("(?:{}){}", self.tree(depth - 1), self.one_of(REPETITIONS)),
        }
    }

    /// At most so many that are one less deep.
    fn trees(&mut self, depth: usize, most: usize) -> Vec<String> {
        (0..=self.below(most)).map(|_| self.tree(depth - 1)).collect()
    }
}
