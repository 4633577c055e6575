"""The pay page's words in its two languages. The page is not the club's, so they are not in the club's catalogues."""

from __future__ import annotations

from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision

from qunclub.kernel.money import exponent

TEXTS = {
    "en": {
        "lang": "en",
        "test": "Test payment",
        "test_note": "This is a pay sandbox. No money moves and no real card works here.",
        "order": "Order",
        "email": "E-mail",
        "total": "Total",
        "choose": "How do you want to pay?",
        "wallets": "One tap with a wallet",
        "or_card": "or by card",
        "alipay": "Pay with Alipay",
        "wechat_pay": "Pay with WeChat Pay",
        "card": "Card",
        "number": "Card number",
        "number_hint": "4242 4242 4242 4242 pays\n4000 0000 0000 0002 is declined",
        "expiry": "Expiry (MM / YY)",
        "cvc": "Security code",
        "pay": "Pay",
        "confirm": "Confirm, nothing to pay",
        "try": "Try what goes wrong",
        "decline": "Let the bank decline",
        "back": "Back to the shop",
        "continue": "Continue to the shop",
        "paid_title": "Paid",
        "paid_note": "This test payment is complete. You can go back to the shop.",
        "expired_title": "This payment page has expired",
        "expired_note": "Nothing was charged. Go back to the shop and order again.",
        "missing_title": "No such payment",
        "missing_note": "This address does not belong to a payment. Please open it again from the shop.",
        "generic_decline": "The bank declined this payment. Nothing was charged; try another way to pay.",
        "insufficient_funds": "The card has insufficient funds. Nothing was charged; try another way to pay.",
        "bad_number": "Check the card number: it has 12 to 19 digits and one of them is mistyped.",
        "bad_expiry": "Write the expiry as month and year, such as 12 / 34, in the future.",
        "bad_cvc": "The security code has 3 or 4 digits.",
        "bad_method": "Choose one of the ways to pay below.",
    },
    "zh": {
        "lang": "zh-CN",
        "test": "测试支付",
        "test_note": "这里是支付沙箱，不会发生真实扣款，真实银行卡在此无效。",
        "order": "订单",
        "email": "邮箱",
        "total": "应付",
        "choose": "选择支付方式",
        "wallets": "钱包一键支付",
        "or_card": "或使用银行卡",
        "alipay": "支付宝支付",
        "wechat_pay": "微信支付",
        "card": "银行卡",
        "number": "卡号",
        "number_hint": "4242 4242 4242 4242 支付成功\n4000 0000 0000 0002 会被拒付",
        "expiry": "有效期（月 / 年）",
        "cvc": "安全码",
        "pay": "支付",
        "confirm": "无需付款，直接确认",
        "try": "试试出错的情形",
        "decline": "让银行拒付",
        "back": "返回商家",
        "continue": "回到商家继续",
        "paid_title": "支付成功",
        "paid_note": "这笔测试支付已完成，可以返回商家了。",
        "expired_title": "支付页面已过期",
        "expired_note": "没有产生任何扣款。请返回商家重新下单。",
        "missing_title": "没有这笔支付",
        "missing_note": "这个地址没有对应的支付，请从商家页面重新打开。",
        "generic_decline": "银行拒绝了这笔支付，没有扣款。请换一种方式。",
        "insufficient_funds": "卡内余额不足，没有扣款。请换一种方式。",
        "bad_number": "请检查卡号：应为 12 至 19 位数字，可能有一位输错了。",
        "bad_expiry": "请按“月 / 年”填写未过期的有效期，例如 12 / 34。",
        "bad_cvc": "安全码为 3 或 4 位数字。",
        "bad_method": "请从下面选择一种支付方式。",
    },
}

# Where Stripe's integers differ from the kernel's: three decimals, and one currency with two forced zeros.
_STRIPE_DIGITS = {**dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3), "UGX": 2}


def language(locale: str | None, accepted: str | None) -> str:
    """The page's language: the session's, or for ``auto`` what the browser prefers."""
    wanted = locale if locale and locale != "auto" else accepted or "en"
    return "zh" if wanted.lower().startswith("zh") else "en"


def amount(value: int, currency: str, lang: str) -> str:
    """Stripe's integer *value* as money for people."""
    code = currency.upper()
    digits = _STRIPE_DIGITS.get(code, exponent(code))
    major = Decimal(value).scaleb(-digits)
    shown = get_currency_precision(code)
    exact = digits > shown and major == round(major, shown)
    return format_currency(
        major, code, locale="zh_Hans_CN" if lang == "zh" else "en", currency_digits=exact or digits <= shown
    )
