"""Paying by transfer in the browser: the buyer's page, the proof, the admins' queue and settings."""

from __future__ import annotations

import csv
import io

import pytest
from PIL import Image
from sqlalchemy import select

from qunclub.kernel.store import AuditEntry
from qunclub.orders import services_proofs, transfer_settings
from qunclub.orders.models import Order
from qunclub.orders.models_money import TransferProof
from tests.homework.pictures import picture, png_claiming, zipped
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
SCRIPT = b"<script>alert(1)</script>"


@pytest.fixture
def people(make):
    return make.person(name="Lin", email="lin@example.com")


@pytest.fixture
def order(make, people):
    return make.transfer_order(make.plan(slug="master", title="Master pass"), people[1])


@pytest.fixture
def buyer(app, people):
    return in_language(sign_in(app.test_client(), people[0]), "en")


@pytest.fixture
def admin(app, make):
    return in_language(sign_in(app.test_client(), make.account(name="Ada", roles=("admin",))), "en")


def page(order):
    return f"/checkout/{order.code}/transfer"


def send(client, order, data=None, name="proof.png", **fields):
    data = picture() if data is None else data
    return post(
        client, f"{page(order)}/proof", {"file": (io.BytesIO(data), name), **fields},
        content_type="multipart/form-data",
    )  # fmt: skip


def rows(site_db, model):
    with site_db.session() as session:
        return list(session.scalars(select(model).order_by(model.id)))


def now_of(site_db, order):
    with site_db.session() as session:
        return session.get_one(Order, order.id)


class TestBuyer:
    def test_what_the_page_says(self, buyer, order):
        text = text_of(buyer.get(page(order)))
        for said in (
            "Amount, exactly", order.code, "6222 0000 1111", "Write the <strong>code</strong>",
            "Show that you sent it", "held for you until", 'data-copy="199.00"', "Pay online instead",
        ):  # fmt: skip
            assert said in text, said
        text = text_of(in_language(buyer, "zh").get(page(order)))
        for said in ("转账金额", "请备注<strong>订单号</strong>", "6222 0000 1111", "改为在线支付"):
            assert said in text, said

    def test_nobody_elses(self, app, client, make, order):
        proof = make.proof(order)
        paths = [page(order), f"{page(order)}/proofs/{proof.id}", f"{page(order)}/codes/x.png"]
        for path in paths:
            assert client.get(path).status_code == 303
        for who in (make.account(), make.account(roles=("admin",))):
            stranger = sign_in(app.test_client(), who)
            for path in paths:
                assert stranger.get(path).status_code == 404, path
            for act in ("", "/online", "/proof"):
                assert post(stranger, page(order) + act).status_code == 404, act

    def test_an_order_paid_online_has_none(self, buyer, make, people):
        other = make.order(of=people[1])
        assert buyer.get(page(other)).location.endswith(f"/checkout/{other.code}")

    def test_choosing_and_back(self, buyer, make, people, site_db):
        make.transfers_on()
        order = make.order(of=people[1])
        assert post(buyer, page(order)).location.endswith(page(order))
        assert now_of(site_db, order).pay_by == "transfer"
        assert post(buyer, f"{page(order)}/online").location.endswith(f"/checkout/{order.code}")
        assert now_of(site_db, order).pay_by == "gateway"

    def test_choosing_what_is_not_offered(self, buyer, make, people, site_db):
        make.transfers_on(on=False)
        order = make.order(of=people[1])
        answer = post(buyer, page(order), follow_redirects=True)
        assert "cannot be paid by transfer" in text_of(answer)
        assert now_of(site_db, order).pay_by == "gateway"

    def test_the_pay_page_leads_here(self, buyer, order):
        assert buyer.get(f"/checkout/{order.code}").location.endswith(page(order))

    def test_a_proof(self, buyer, order, site_db):
        answer = send(buyer, order, note="from my wife's account")
        assert answer.status_code == 303
        text = text_of(buyer.get(page(order)))
        assert "Your proof is here and is being checked" in text and "from my wife" in text
        assert "Pay online instead" not in text
        proof = rows(site_db, TransferProof)[0]
        assert now_of(site_db, order).expires_at is None
        shown = buyer.get(f"{page(order)}/proofs/{proof.id}")
        assert shown.mimetype == "image/png" and "attachment" not in shown.headers["Content-Disposition"]
        assert "sandbox" in shown.headers["Content-Security-Policy"]
        assert shown.headers["X-Content-Type-Options"] == "nosniff"

    def test_rejected_and_again(self, buyer, admin, order, make, site_db):
        proof = make.proof(order)
        post(admin, f"/admin/transfers/{order.code}/reject", {"reason": "Not our account.", "seen": proof.id})
        text = text_of(buyer.get(page(order)))
        assert "Your proof was not accepted" in text and "Not our account." in text
        assert "Send another proof" in text
        text = text_of(in_language(buyer, "zh").get(page(order)))
        assert "凭证未通过" in text

    def test_paid_over_and_odd(self, buyer, admin, make, people, site_db):
        paid = make.transfer_order(of=people[1])
        act = {"ref": "b1", "amount": "199", "method": "bank", "seen": ""}
        assert post(admin, f"/admin/transfers/{paid.code}/confirm", act).status_code == 303
        assert "Your transfer is confirmed" in text_of(buyer.get(page(paid)))
        odd = make.transfer_order(of=people[1])
        post(admin, f"/admin/transfers/{odd.code}/confirm", {**act, "ref": "b2", "amount": "200"})
        assert "a person is looking at it" in text_of(buyer.get(page(odd)))
        over = make.transfer_order(of=people[1])
        post(buyer, f"/checkout/{over.code}/cancel")
        assert "Please send no money for it" in text_of(buyer.get(page(over)))

    def test_its_cost_does_not_grow(self, buyer, order, make, site_db):
        make.proof(order)
        buyer.get(page(order))
        with count_statements(site_db.engine) as few:
            buyer.get(page(order))
        for _ in range(4):
            make.proof(order)
        with count_statements(site_db.engine) as many:
            buyer.get(page(order))
        assert few.count == many.count, many


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "data", "said"),
        [
            ("evil.svg", SVG, "Send a picture"),
            ("evil.png", SVG, "Send a picture"),
            ("page.pdf", b"<!doctype html>" + SCRIPT, "Send a picture"),
            ("late.pdf", SCRIPT + PDF, "Send a picture"),
            ("a.gif", picture("GIF"), "Send a picture"),
            ("a.bmp", picture("BMP"), "Send a picture"),
            ("run.exe", b"MZ" + bytes(200), "Send a picture"),
            ("proof.zip", zipped("a.png"), "Send a picture"),
            ("empty.png", b"", "empty"),
            ("bomb.png", png_claiming(8_000, 8_000), "too many pixels"),
            ("wide.png", png_claiming(25_000, 100), "too many pixels"),
            ("huge.png", png_claiming(60_000, 60_000), "damaged"),
            ("broken.jpg", picture("JPEG")[:200], "damaged"),
            ("big.pdf", PDF + b"x" * 10_000_000, "larger than 10 MB"),
        ],
    )  # fmt: skip
    def test_what_is_refused(self, buyer, order, site_db, app, name, data, said):
        answer = send(buyer, order, data, name, note="what I typed")
        assert answer.status_code == 422
        text = text_of(answer)
        assert said in text and "what I typed" in text and "Choose your files again" in text
        assert rows(site_db, TransferProof) == []
        assert now_of(site_db, order).expires_at is not None

    def test_no_file_at_all(self, buyer, order):
        answer = post(buyer, f"{page(order)}/proof", {"note": "n"})
        assert answer.status_code == 422 and "Choose a file first" in text_of(answer)

    @pytest.mark.parametrize(
        ("name", "data"),
        [
            ("../../../etc/passwd.png", picture() + SCRIPT),
            ("a.png\x00.php", picture() + b"<?php system($_GET['c']); ?>"),
            ("page.html", picture("JPEG", comment=SCRIPT)),
            ("a.webp", picture("WEBP", xmp=SCRIPT)),
            ("a.png", picture() + zipped("run.exe")),
        ],
    )
    def test_polyglots_become_pixels_and_names_are_forgotten(self, buyer, order, site_db, app, name, data):
        assert send(buyer, order, data, name).status_code == 303
        proof = rows(site_db, TransferProof)[0]
        kept = app.extensions["qunclub"].files.get(proof.file_key)
        for trace in (b"script", b"<?php", b"PK\x03\x04"):
            assert trace not in kept
        assert proof.file_key.startswith("transfers/") and ".." not in proof.file_key
        shown = buyer.get(f"{page(order)}/proofs/{proof.id}")
        assert shown.headers["Content-Disposition"].endswith((".png", ".jpg", ".webp"))
        with Image.open(io.BytesIO(shown.data)) as clean:
            assert clean.size == (8, 6)

    def test_where_it_was_photographed_is_forgotten(self, buyer, order, site_db, app):
        exif = Image.Exif()
        exif[0x010E] = "at home"
        exif.get_ifd(0x8825)[1] = "N"
        send(buyer, order, picture("JPEG", exif=exif), "a.jpg")
        kept = app.extensions["qunclub"].files.get(rows(site_db, TransferProof)[0].file_key)
        with Image.open(io.BytesIO(kept)) as clean:
            assert not clean.getexif()

    def test_a_pdf_is_only_ever_a_download(self, buyer, admin, order, site_db):
        assert send(buyer, order, PDF, "proof.pdf").status_code == 303
        proof = rows(site_db, TransferProof)[0]
        for client, path in (
            (buyer, f"{page(order)}/proofs/{proof.id}"),
            (admin, f"/admin/transfers/proofs/{proof.id}"),
        ):
            shown = client.get(path)
            assert shown.headers["Content-Disposition"].startswith("attachment")
            assert "sandbox" in shown.headers["Content-Security-Policy"]
            assert shown.headers["X-Content-Type-Options"] == "nosniff"
        assert "Download the PDF" in text_of(admin.get(f"/admin/transfers/{order.code}"))

    def test_the_file_is_gone_when_the_order_cannot_take_it(self, buyer, order, site_db, app, monkeypatch):
        kept = []
        files = app.extensions["qunclub"].files
        put = files.put

        def noted(key, data):
            kept.append(key)
            put(key, data)

        monkeypatch.setattr(files, "put", noted)
        assert send(buyer, order).status_code == 303
        assert send(buyer, order).status_code == 422
        assert files.get(kept[0])
        with pytest.raises(KeyError):
            files.get(kept[1])

    def test_the_same_checks_guard_the_service(self):
        assert services_proofs.check_file(picture("WEBP")).content_type == "image/webp"


class TestQueue:
    PATHS = (
        "/admin/transfers",
        "/admin/transfers/export.csv",
        "/admin/transfers/{code}",
        "/admin/transfers/settings",
        "/admin/transfers/proofs/{proof}",
    )

    def test_only_admins(self, app, client, make, order):
        proof = make.proof(order)
        paths = [path.format(code=order.code, proof=proof.id) for path in self.PATHS]
        for path in paths:
            assert client.get(path).status_code == 303
        for roles in ((), ("instructor",), ("host",)):
            other = sign_in(app.test_client(), make.account(roles=roles))
            for path in paths:
                assert other.get(path).status_code == 403, path
            for act in (
                f"{order.code}/confirm",
                f"{order.code}/reject",
                "settings",
                "settings/codes",
                "settings/codes/x/delete",
            ):
                assert post(other, f"/admin/transfers/{act}").status_code == 403, act

    def test_the_admins_home_says_that_something_waits(self, admin, make, order):
        assert "Transfers to check" not in text_of(admin.get("/admin/"))
        make.proof(order)
        text = text_of(admin.get("/admin/"))
        assert "Transfers to check" in text and "/admin/transfers?show=check" in text

    def test_nothing_waits(self, admin):
        text = text_of(admin.get("/admin/transfers"))
        assert "No order waits for a transfer" in text and "cannot choose transfers at the moment" in text
        assert "没有等待转账的订单" in text_of(in_language(admin, "zh").get("/admin/transfers"))

    def test_proofs_first_then_the_oldest(self, admin, make):
        first, second, third = (make.transfer_order() for _ in range(3))
        make.proof(third)
        make.proof(second, now=make.now.replace(hour=9))
        text = text_of(admin.get("/admin/transfers"))
        places = [text.index(one.code) for one in (third, second, first)]
        assert places == sorted(places)
        assert first.code not in text_of(admin.get("/admin/transfers?show=check"))
        text = text_of(admin.get("/admin/transfers?show=wait"))
        assert first.code in text and second.code not in text

    def test_search(self, admin, make):
        lin = make.member(name="Lin", email="lin@example.com", number=True)
        mine, other = make.transfer_order(of=lin), make.transfer_order(make.plan(price=5_000))
        for q, found, missing in (
            (mine.code, mine, other), (other.code.lower(), other, mine), ("Lin", mine, other),
            ("lin@example", mine, other), ("50", other, mine), ("50.00", other, mine), ("199", mine, other),
        ):  # fmt: skip
            text = text_of(admin.get("/admin/transfers", query_string={"q": q}))
            assert found.code in text and missing.code not in text, q
        for q in ("%", "_", "' OR 1=1", "1e400", "x" * 300):
            assert "No such transfer" in text_of(admin.get("/admin/transfers", query_string={"q": q}))

    def test_the_table(self, admin, make, order):
        make.proof(order)
        answer = admin.get("/admin/transfers/export.csv?show=check")
        table = list(csv.reader(io.StringIO(text_of(answer).lstrip("\ufeff"))))
        assert table[0][0] == "order" and table[1][0] == order.code and table[1][10] == "1"

    def test_its_cost_does_not_grow(self, admin, make, site_db):
        make.proof(make.transfer_order())
        admin.get("/admin/transfers")
        with count_statements(site_db.engine) as few:
            admin.get("/admin/transfers")
        for _ in range(4):
            make.proof(make.transfer_order())
        with count_statements(site_db.engine) as many:
            admin.get("/admin/transfers")
        assert few.count == many.count, many

    def test_confirming(self, admin, make, order, site_db):
        proof = make.proof(order)
        text = text_of(admin.get(f"/admin/transfers/{order.code}"))
        for said in (
            "The money is there",
            "Something is wrong",
            f"/admin/transfers/proofs/{proof.id}",
            "from Lin",
        ):
            assert said in text, said
        answer = post(
            admin, f"/admin/transfers/{order.code}/confirm",
            {"ref": "bank-77", "amount": "199.00", "method": "wechat_pay", "seen": proof.id},
            follow_redirects=True,
        )  # fmt: skip
        assert f"Confirmed: order {order.code} is paid" in text_of(answer)
        assert now_of(site_db, order).state == "paid"
        text = text_of(admin.get(f"/admin/transfers/{order.code}"))
        assert "Money was recorded for this order already" in text and "Confirm the transfer" not in text

    def test_what_is_wrong_is_said_at_the_field_and_kept(self, admin, make, order):
        make.proof(order)
        answer = post(
            admin, f"/admin/transfers/{order.code}/confirm",
            {"ref": "bank-78", "amount": "many", "method": "bank", "seen": ""},
        )  # fmt: skip
        assert answer.status_code == 422
        assert "Write the amount as a number" in text_of(answer) and "bank-78" in text_of(answer)
        assert post(admin, f"/admin/transfers/{order.code}/reject", {"reason": ""}).status_code == 422

    def test_somebody_was_first(self, admin, make, order):
        proof = make.proof(order)
        decide = {"reason": "no", "seen": proof.id}
        assert post(admin, f"/admin/transfers/{order.code}/reject", decide).status_code == 303
        answer = post(admin, f"/admin/transfers/{order.code}/reject", decide, follow_redirects=True)
        assert "Another admin decided this a moment ago" in text_of(answer)

    def test_the_very_same_picture(self, admin, make, order):
        other = make.transfer_order()
        make.proof(order, digest="c" * 64)
        make.proof(other, digest="c" * 64)
        text = text_of(admin.get(f"/admin/transfers/{other.code}"))
        assert "The very same file was sent for another order" in text and order.code in text

    def test_other_orders_and_none(self, admin, make):
        online = make.order()
        assert "not to be paid by transfer" in text_of(admin.get(f"/admin/transfers/{online.code}"))
        assert admin.get("/admin/transfers/NOSUCH").status_code == 404
        assert admin.get("/admin/transfers/proofs/999").status_code == 404


GOOD = {
    "on": "y",
    "currencies": "cny，usd",
    "days": "5",
    "account": "Bank",
    "text_zh": "转",
    "text_en": "Send",
}


class TestSettings:
    def test_saved_and_shown(self, admin, site_db):
        assert "Buyers can pay by transfer" in text_of(admin.get("/admin/transfers/settings"))
        assert post(admin, "/admin/transfers/settings", GOOD).status_code == 303
        with site_db.session() as session:
            kept = transfer_settings.load(session)
            acts = session.scalars(select(AuditEntry.action)).all()
        assert (kept.on, kept.days, kept.currencies, kept.account) == (True, 5, ("CNY", "USD"), "Bank")
        assert acts == ["transfers.update"]
        text = text_of(in_language(admin, "zh").get("/admin/transfers/settings"))
        assert "CNY, USD" in text and "收款码" in text

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"currencies": ""}, "Name the currencies"),
            ({"currencies": "yuan"}, "three letters"),
            ({"account": ""}, "Write the account"),
            ({"days": "0"}, "between 1 and 30"),
            ({"days": "x"}, "integer"),
        ],
    )
    def test_what_cannot_be_is_said_and_kept(self, admin, changes, said):
        answer = post(admin, "/admin/transfers/settings", {**GOOD, **changes})
        assert answer.status_code == 422 and said in text_of(answer) and "Send" in text_of(answer)

    def add(self, admin, data=None, label="WeChat", name="code.jpg"):
        data = picture("JPEG", size=(40, 40)) if data is None else data
        return post(
            admin, "/admin/transfers/settings/codes", {"picture": (io.BytesIO(data), name), "label": label},
            content_type="multipart/form-data",
        )  # fmt: skip

    def test_a_code_is_seen_by_who_is_to_pay_and_nobody_else(self, admin, buyer, app, make, order, site_db):
        assert self.add(admin).status_code == 303
        text = text_of(buyer.get(page(order)))
        assert "Collection code for WeChat" in text
        with site_db.session() as session:
            token = transfer_settings.load(session).pictures[0].key.rpartition("/")[2]
        path = f"{page(order)}/codes/{token}.png"
        shown = buyer.get(path)
        assert shown.mimetype == "image/png" and shown.data.startswith(b"\x89PNG")
        assert admin.get(f"/admin/transfers/settings/codes/{token}.png").status_code == 200
        assert sign_in(app.test_client(), make.account()).get(path).status_code == 404
        post(buyer, f"/checkout/{order.code}/cancel")
        assert buyer.get(path).status_code == 404
        assert post(admin, f"/admin/transfers/settings/codes/{token}/delete").status_code == 303
        assert admin.get(f"/admin/transfers/settings/codes/{token}.png").status_code == 404

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (SVG, "Send a picture"),
            (PDF, "Send a picture"),
            (b"", "empty"),
            (png_claiming(8_000, 8_000), "too many pixels"),
            (picture() + b"x" * 5_000_001, "larger than 5 MB"),
        ],
    )
    def test_hostile_codes(self, admin, data, said):
        answer = self.add(admin, data)
        assert answer.status_code == 422 and said in text_of(answer) and "WeChat" in text_of(answer)

    def test_a_code_without_a_name_or_file(self, admin):
        assert self.add(admin, label="").status_code == 422
        answer = post(admin, "/admin/transfers/settings/codes", {"label": "WeChat"})
        assert answer.status_code == 422 and "Choose a file first" in text_of(answer)
