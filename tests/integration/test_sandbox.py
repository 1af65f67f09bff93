"""The sandbox refuses what the platforms refuse, with their codes: asked past the services."""
import json
import random
import urllib.parse

import pytest

from shengyuan import Http

APPID = "wx0000000000000001"


@pytest.fixture
def ask(system):
    http = Http(system.demo["sandbox"])
    secret = (system.run_dir / "secrets/wechat.secret").read_text().strip()

    def session(**change):
        query = {"appid": APPID, "secret": secret, "js_code": f"demo-s{random.randrange(10**9)}",
                 "grant_type": "authorization_code", **change}
        query = {k: v for k, v in query.items() if v is not None}
        return http.call("GET", "/sns/jscode2session?" + urllib.parse.urlencode(query)).json
    return session


def test_a_right_call(ask):
    assert ask(js_code="demo-abc.7")["openid"] == "sandbox-abc"


@pytest.mark.parametrize("change,errcode", [
    ({"secret": "0" * 32}, 40125), ({"appid": "wx0000000000000009"}, 40013), ({"js_code": "never-issued"}, 40029),
    ({"grant_type": "password"}, 40002), ({"js_code": None}, 41008), ({"secret": None}, 41004),
])
def test_wrong_calls(ask, change, errcode):
    assert ask(**change)["errcode"] == errcode


def test_a_code_is_good_once(ask):
    assert "openid" in ask(js_code="demo-once.1")
    assert ask(js_code="demo-once.1")["errcode"] == 40029


def test_face_check_wants_a_live_access_token(system):
    http = Http(system.demo["sandbox"])
    for token in ("", "?access_token=nonsense"):
        answer = http.call("POST", "/cityservice/face/identify/getverifyid" + token, {}).json
        assert answer["errcode"] in (40001, 41001, 40014)


def test_sms_wants_its_signature(system):
    http = Http(system.demo["sandbox"])
    body = {"PhoneNumberSet": ["+8613000000471"], "SmsSdkAppId": "1400000001", "TemplateId": "1000001",
            "SignName": "生源上报", "TemplateParamSet": ["123456"]}
    unsigned = http.call("POST", "/", body)
    forged = http.call("POST", "/", raw=json.dumps(body).encode(), headers={
        "X-TC-Action": "SendSms", "X-TC-Version": "2021-01-11", "X-TC-Region": "ap-guangzhou", "X-TC-Timestamp": "1700000000",
        "Authorization": "TC3-HMAC-SHA256 Credential=AKIDdemo/2023-11-14/sms/tc3_request, SignedHeaders=content-type;host,"
                         " Signature=" + "0" * 64})
    for answer in (unsigned, forged):
        assert answer.json["Response"]["Error"]["Code"].startswith(("AuthFailure", "MissingParameter", "InvalidAction"))
    inbox = http.call("GET", "/inbox?phone=13000000471").json["messages"]
    assert inbox == []
