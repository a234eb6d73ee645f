//! Watchlists: made, changed, filled, and nobody else's business.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ok, refused, run, start};

#[tokio::test]
async fn a_watchlist_lives_from_its_making_to_its_end() {
    let app = start().await;
    let user = app.signed_up().await;
    assert_eq!(ok(user.get("/api/watchlists").await), json!([]));
    let body = json!({"name": " <b>Tech</b> ", "description": "big ones", "isDefault": true});
    let (status, list, _) = user.post("/api/watchlists", &body).await;
    assert_eq!(status, 201, "{list}");
    assert_eq!(
        (&list["name"], &list["isDefault"], &list["symbols"]),
        (&json!("Tech"), &json!(true), &json!([]))
    );
    let path = format!("/api/watchlists/{}", list["id"].as_str().expect("an id"));
    let body = json!({"symbol": "aapl", "notes": "earnings", "tags": ["a", "b", "a"]});
    let (status, entry, _) = user.post(&format!("{path}/symbols"), &body).await;
    assert_eq!(status, 201, "{entry}");
    assert_eq!((&entry["symbol"], &entry["tags"]), (&json!("AAPL"), &json!(["a", "b"])));
    let again = user.post(&format!("{path}/symbols"), &json!({"symbol": "AAPL"})).await;
    assert_eq!(refused(&again), (409, "SYMBOL_LISTED"));
    let entry = ok(user.put(&format!("{path}/symbols/aapl"), &json!({"notes": ""})).await);
    assert_eq!((&entry["notes"], &entry["tags"]), (&Value::Null, &json!(["a", "b"])), "the rest stays");
    let changed = ok(user.put(&path, &json!({"name": "Big tech"})).await);
    assert_eq!((&changed["name"], &changed["description"]), (&json!("Big tech"), &json!("big ones")));
    assert_eq!(changed["symbols"][0]["symbol"], "AAPL");
    assert_eq!(ok(user.get("/api/watchlists").await), json!([changed]));
    let (_, second, _) = user.post("/api/watchlists", &json!({"name": "Other", "isDefault": true})).await;
    assert_eq!(second["isDefault"], json!(true));
    assert_eq!(ok(user.get(&path).await)["isDefault"], json!(false), "there is one default");
    ok(user.delete(&format!("{path}/symbols/AAPL")).await);
    assert_eq!(user.delete(&format!("{path}/symbols/AAPL")).await.0, 404);
    ok(user.delete(&path).await);
    assert_eq!(user.get(&path).await.0, 404);
    let audited = super::count(&app, "select count(*) from audit_log where resource = 'watchlist'").await;
    assert_eq!(audited, 7, "every change is recorded");
}

#[tokio::test]
async fn nobody_reaches_anothers_watchlist() {
    let app = start().await;
    let (owner, other) = (app.signed_up().await, app.signed_up().await);
    let (_, list, _) = owner.post("/api/watchlists", &json!({"name": "Mine"})).await;
    let path = format!("/api/watchlists/{}", list["id"].as_str().expect("an id"));
    owner.post(&format!("{path}/symbols"), &json!({"symbol": "AAPL"})).await;
    let before = ok(owner.get(&path).await);
    let body = json!({"name": "stolen", "symbol": "MSFT", "notes": "stolen", "isDefault": true});
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::PUT, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::POST, format!("{path}/symbols")),
        (Method::PUT, format!("{path}/symbols/AAPL")),
        (Method::DELETE, format!("{path}/symbols/AAPL")),
    ] {
        let response = other.request(method.clone(), &path).json(&body).send().await.expect("an answer");
        assert_eq!(response.status(), 404, "{method} {path}");
    }
    assert_eq!(ok(other.get("/api/watchlists").await), json!([]));
    assert_eq!(ok(owner.get(&path).await), before);
}

#[tokio::test]
async fn bad_input_is_refused_by_name() {
    let app = start().await;
    let user = app.signed_up().await;
    for body in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "<i></i>"}),
        json!({"name": "x".repeat(101)}),
        json!({"name": 5}),
        json!({"name": "x", "description": "x".repeat(1001)}),
        json!({"name": "x", "isDefault": "yes"}),
    ] {
        assert_eq!(refused(&user.post("/api/watchlists", &body).await), (400, "INVALID_FIELD"), "{body}");
    }
    let (_, list, _) = user.post("/api/watchlists", &json!({"name": "Mine"})).await;
    let path = format!("/api/watchlists/{}/symbols", list["id"].as_str().expect("an id"));
    for (body, code) in [
        (json!({}), "INVALID_SYMBOL"),
        (json!({"symbol": "a b"}), "INVALID_SYMBOL"),
        (json!({"symbol": "AAPL", "notes": "x".repeat(1001)}), "INVALID_FIELD"),
        (json!({"symbol": "AAPL", "tags": ["x".repeat(51)]}), "INVALID_FIELD"),
        (json!({"symbol": "AAPL", "tags": "x"}), "INVALID_FIELD"),
    ] {
        assert_eq!(refused(&user.post(&path, &body).await), (400, code), "{body}");
    }
    assert_eq!(refused(&user.delete(&format!("{path}/a%20b")).await), (400, "INVALID_SYMBOL"));
    assert_eq!(user.get("/api/watchlists/nonsense").await.0, 404);
}

#[tokio::test]
async fn lists_and_symbols_have_their_limits() {
    let app = start().await;
    let user = app.signed_up().await;
    run(
        &app,
        &format!(
            "insert into watchlists (watchlist_id, user_id, name)
             select gen_random_uuid(), '{}', 'list ' || n from generate_series(1, 49) as n",
            user.user_id
        ),
    )
    .await;
    let (status, list, _) = user.post("/api/watchlists", &json!({"name": "the fiftieth"})).await;
    assert_eq!(status, 201, "{list}");
    let late = user.post("/api/watchlists", &json!({"name": "one more"})).await;
    assert_eq!(refused(&late), (422, "TOO_MANY_WATCHLISTS"));
    let id = list["id"].as_str().expect("an id");
    run(
        &app,
        &format!(
            "insert into watchlist_symbols (watchlist_id, symbol)
             select '{id}', 'S' || n from generate_series(1, 499) as n"
        ),
    )
    .await;
    let path = format!("/api/watchlists/{id}/symbols");
    assert_eq!(user.post(&path, &json!({"symbol": "AAPL"})).await.0, 201);
    assert_eq!(refused(&user.post(&path, &json!({"symbol": "MSFT"})).await), (422, "WATCHLIST_FULL"));
    assert_eq!(refused(&user.post(&path, &json!({"symbol": "AAPL"})).await), (409, "SYMBOL_LISTED"));
}
