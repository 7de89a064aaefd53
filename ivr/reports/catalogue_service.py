"""The figures of how calls were served: ends, places, waits, service level."""

from ivr.reports.definitions import Definition, Section, Unit

_C, _S = Unit.CALLS, Unit.SECONDS
_ENDS, _LEFT, _WHERE, _TIMES = Section.ENDS, Section.ABANDONED, Section.WHERE, Section.SERVICE

_LEVEL_EN = (
    "Of the calls that joined the line and were connected, left it after the short threshold, or "
    "were sent to the fallback and served by nobody: the share connected within {} seconds of "
    "joining."
)
_LEVEL_FA = (
    "از تماس‌هایی که به صف پیوسته و وصل شده‌اند، پس از آستانهٔ کوتاه رها شده‌اند یا به صف پشتیبان "
    "رفته و پاسخ نگرفته‌اند: سهم تماس‌هایی که تا {} ثانیه پس از پیوستن وصل شده‌اند."
)

SERVICE = (
    Definition(
        *("connected", _ENDS, _C, "Connected", "وصل‌شده"),
        "Calls in which caller and counsellor talked, whoever rang the counsellor.",
        "تماس‌هایی که در آن‌ها تماس‌گیرنده و کارشناس گفت‌وگو کرده‌اند.",
        "calls",
    ),
    Definition(
        *("abandoned", _ENDS, _C, "Abandoned in line", "رهاشده در صف"),
        "Calls whose caller left the line before connect, after the short threshold or in the "
        "fallback.",
        "تماس‌هایی که پیش از وصل، پس از آستانهٔ کوتاه یا در صف پشتیبان، رها شده‌اند.",
        "calls",
    ),
    Definition(
        *("abandoned_short", _ENDS, _C, "Short abandonments", "انصراف کوتاه"),
        "Calls whose caller left the line within the short threshold that the province's rules had "
        "then.",
        "تماس‌هایی که در مدت آستانهٔ کوتاهِ مقررات آن زمان، صف را ترک کرده‌اند.",
        "calls",
    ),
    Definition(
        *("left_in_menu", _ENDS, _C, "Left before the line", "پایان‌یافته در فهرست گویا"),
        "Calls whose caller left in the menu, before joining the line.",
        "تماس‌هایی که در فهرست گویا و پیش از پیوستن به صف پایان یافته‌اند.",
        "calls",
    ),
    Definition(
        *("end_unknown", _ENDS, _C, "Without an end", "بدون پایان ثبت‌شده"),
        "Calls neither connected nor ended otherwise: still going on, or entered without it.",
        "تماس‌هایی که پایانی برایشان ثبت نشده است: در جریان‌اند یا بدون آن وارد شده‌اند.",
        "calls",
    ),
    Definition(
        *("lost_in_danger", _ENDS, _C, "Of all, lost in danger", "از همه، ازدست‌رفته در خطر جانی"),
        "Calls in danger that broke off before the place was known.",
        "تماس‌های دارای خطر جانی که پیش از روشن شدن محل قطع شده‌اند.",
    ),
    Definition(
        *("abandoned.nobody_on_duty", _LEFT, _C, "Nobody was on duty", "کسی در نوبت کاری نبود"),
        "Abandoned calls for which duty expected nobody at any step of their last plan.",
        "تماس‌های رهاشده‌ای که برنامهٔ نوبت برای هیچ گام آن‌ها کسی را پیش‌بینی نکرده بود.",
        "abandoned",
    ),
    Definition(
        *("abandoned.not_taken", _LEFT, _C, "Rung, nobody took it", "زنگ خورد و پذیرفته نشد"),
        "Abandoned calls that duty expected somebody for, who were rung and did not take them.",
        "تماس‌های رهاشده‌ای که برایشان زنگ خورد، ولی کسی پاسخ نداد.",
        "abandoned",
    ),
    Definition(
        *("abandoned.too_busy", _LEFT, _C, "Nobody could be rung", "کسی در دسترس نبود"),
        "Abandoned calls that duty expected somebody for, who could not be rung: busy, on a "
        "break, or not there (signed out, telephone gone).",
        "تماس‌های رهاشده‌ای که کسی در نوبت بود، ولی نمی‌شد به کسی زنگ زد: مشغول بود، در استراحت بود "
        "یا حضور نداشت (خارج شده یا تلفنش قطع).",
        "abandoned",
    ),
    Definition(
        *("abandoned.in_fallback", _LEFT, _C, "In the fallback", "در صف پشتیبان"),
        "Calls abandoned in Asterisk's static queue while no controller answered.",
        "تماس‌هایی که در صف پشتیبان و در نبود سامانه رها شده‌اند.",
        "abandoned",
    ),
    Definition(
        *("abandoned.unknown", _LEFT, _C, "No plan is kept", "بدون برنامهٔ مسیر"),
        "Abandoned calls of which no plan is kept: entered afterwards, or of an older version.",
        "تماس‌های رهاشده بدون برنامه: بعداً وارد شده‌اند یا از نسخهٔ پیشین‌اند.",
        "abandoned",
    ),
    Definition(
        *("where.own", _WHERE, _C, "By the county's own desk", "میز همان شهرستان"),
        "Connected calls answered by the desk of the county that the plan was made for.",
        "تماس‌های وصل‌شده به میز همان شهرستانی که برنامه برایش ساخته شد.",
        "connected",
    ),
    Definition(
        *("where.supporting", _WHERE, _C, "By a supporting county", "شهرستان معین"),
        "Connected calls answered by the desk of a supporting county, or one that took over.",
        "تماس‌های وصل‌شده به میز شهرستان معین یا میز جایگزین.",
        "connected",
    ),
    Definition(
        *("where.province", _WHERE, _C, "Elsewhere in the province", "جای دیگر استان"),
        "Connected calls answered by the provincial desk or any other desk of the province.",
        "تماس‌های وصل‌شده به میز استان یا میز دیگری در همان استان.",
        "connected",
    ),
    Definition(
        *("where.elsewhere", _WHERE, _C, "Outside the province", "بیرون از استان"),
        "Connected calls answered by a desk of another province or of a national line.",
        "تماس‌های وصل‌شده به میز استان دیگر یا خط کشوری.",
        "connected",
    ),
    Definition(
        *("where.fallback", _WHERE, _C, "By the fallback", "صف پشتیبان"),
        "Connected calls that Asterisk's static queue put through while no controller answered.",
        "تماس‌هایی که صف پشتیبان در نبود سامانه وصل کرده است.",
        "connected",
    ),
    Definition(
        *("where.unknown", _WHERE, _C, "At no desk on record", "میز ثبت نشده"),
        "Connected calls without a desk on record: entered from paper or imported.",
        "تماس‌های وصل‌شده‌ای که میزی برایشان ثبت نشده است.",
        "connected",
    ),
    Definition(
        *("misrouted", _WHERE, _C, "Misrouted", "هدایت نادرست"),
        "Calls that the line led by another county than the one found to be right.",
        "تماس‌هایی که خط آن‌ها را بر پایهٔ شهرستانی جز شهرستان درست هدایت کرده است.",
    ),
    Definition(
        *("wrong_county", _WHERE, _C, "Marked: wrong county", "علامت‌خورده: شهرستان نادرست"),
        "Calls whose counting form has the mark «wrong county».",
        "تماس‌هایی که در فرم معتبرشان «شهرستان نادرست» علامت خورده است.",
    ),
    Definition(
        *("wrong_category", _WHERE, _C, "Marked: wrong category", "علامت‌خورده: موضوع نادرست"),
        "Calls whose counting form has the mark «wrong category».",
        "تماس‌هایی که در فرم معتبرشان «موضوع نادرست» علامت خورده است.",
    ),
    Definition(
        *("service_level_15", _TIMES, Unit.SHARE, "Service level, 15 s", "سطح خدمت، ۱۵ ثانیه"),
        *(_LEVEL_EN.format(15), _LEVEL_FA.format("۱۵")),
    ),
    Definition(
        *("service_level_20", _TIMES, Unit.SHARE, "Service level, 20 s", "سطح خدمت، ۲۰ ثانیه"),
        *(_LEVEL_EN.format(20), _LEVEL_FA.format("۲۰")),
    ),
    Definition(
        *("asa", _TIMES, _S, "ASA: mean wait", "میانگین انتظار (ASA)"),
        "Mean seconds from joining the line to connect, of the connected.",
        "میانگین ثانیه‌ها از پیوستن به صف تا وصل، برای وصل‌شده‌ها.",
    ),
    Definition(
        *("wait_p95", _TIMES, _S, "95 % were connected within", "۹۵٪ وصل‌شده‌ها تا"),
        "The wait that 95 of 100 connected calls did not exceed (nearest rank, to 0.1 s).",
        "انتظاری که ۹۵ درصد تماس‌های وصل‌شده از آن بیشتر نبوده است (با دقت ۰٫۱ ثانیه).",
    ),
    Definition(
        *("wait_longest", _TIMES, _S, "Longest wait", "بلندترین انتظار"),
        "The longest time in line of any call, connected or not.",
        "بلندترین زمان در صف، وصل‌شده یا نشده.",
    ),
    Definition(
        *("aht", _TIMES, _S, "AHT: talk and wrap-up", "میانگین رسیدگی (AHT)"),
        "Mean talk and mean wrap-up, added.",
        "جمع میانگین گفت‌وگو و میانگین تکمیل پرونده.",
    ),
    Definition(
        *("talk_mean", _TIMES, _S, "Mean talk", "میانگین گفت‌وگو"),
        "Mean seconds of talk, of connected calls whose talk has ended.",
        "میانگین ثانیه‌های گفت‌وگو در تماس‌های وصل‌شدهٔ پایان‌یافته.",
    ),
    Definition(
        *("wrap_up_mean", _TIMES, _S, "Mean wrap-up", "میانگین تکمیل پرونده"),
        "Mean seconds from the end of the talk to the first outcome saved, where that took at most "
        "half an hour.",
        "میانگین ثانیه‌ها از پایان گفت‌وگو تا ثبت نخستین نتیجه، در تماس‌هایی که حداکثر نیم ساعت "
        "طول کشیده است.",
    ),
    Definition(
        *("menu_mean", _TIMES, _S, "Menu, mean", "میانگین زمان فهرست گویا"),
        "Mean seconds from arrival to joining the line; apart from the wait.",
        "میانگین ثانیه‌ها از رسیدن تماس تا پیوستن به صف؛ جدا از انتظار.",
    ),
    Definition(
        *("menu_p95", _TIMES, _S, "Menu, 95 % within", "زمان فهرست گویا، ۹۵٪ تا"),
        "The time before the line that 95 of 100 calls that joined did not exceed (to 0.1 s).",
        "زمان پیش از صف که ۹۵ درصد تماس‌های پیوسته از آن بیشتر نداشته‌اند (با دقت ۰٫۱ ثانیه).",
    ),
)
