-- The embedded workspace. `seq` orders rows by creation and is what cursors point at; `id` is what the API shows.
-- Times are text, UTC, ISO 8601 with microseconds and a Z, so that they sort as text.

CREATE TABLE members (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    username TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    email TEXT NOT NULL,
    bio TEXT NOT NULL,
    joined_at TEXT NOT NULL
);

CREATE TABLE spaces (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at TEXT NOT NULL
);

CREATE TABLE memberships (
    seq INTEGER PRIMARY KEY,
    space_id TEXT NOT NULL REFERENCES spaces (id),
    member_id TEXT NOT NULL REFERENCES members (id),
    role TEXT NOT NULL,
    joined_at TEXT NOT NULL,
    UNIQUE (space_id, member_id)
);

CREATE TABLE channels (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    space_id TEXT NOT NULL REFERENCES spaces (id),
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    topic TEXT NOT NULL,
    is_private INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (space_id, slug)
);

-- Who is in a private channel; a public one is open to its whole space.
CREATE TABLE channel_members (
    channel_id TEXT NOT NULL REFERENCES channels (id),
    member_id TEXT NOT NULL REFERENCES members (id),
    PRIMARY KEY (channel_id, member_id)
);

CREATE TABLE conversations (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    created_at TEXT NOT NULL
);

CREATE TABLE conversation_members (
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    member_id TEXT NOT NULL REFERENCES members (id),
    PRIMARY KEY (conversation_id, member_id)
);

-- Said in a channel or in a conversation, never in both.
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    channel_id TEXT REFERENCES channels (id),
    conversation_id TEXT REFERENCES conversations (id),
    parent_id TEXT REFERENCES messages (id),
    author_id TEXT NOT NULL REFERENCES members (id),
    body TEXT NOT NULL,
    created_at TEXT NOT NULL,
    edited_at TEXT,
    CHECK ((channel_id IS NULL) <> (conversation_id IS NULL))
);
CREATE INDEX messages_by_channel ON messages (channel_id, seq);
CREATE INDEX messages_by_conversation ON messages (conversation_id, seq);
CREATE INDEX messages_by_parent ON messages (parent_id);

CREATE TABLE message_reactions (
    seq INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL REFERENCES messages (id),
    member_id TEXT NOT NULL REFERENCES members (id),
    emoji TEXT NOT NULL,
    UNIQUE (message_id, member_id, emoji)
);

-- Feed posts, articles and questions: they differ in `kind` alone.
CREATE TABLE contents (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('post', 'article', 'question')),
    space_id TEXT NOT NULL REFERENCES spaces (id),
    author_id TEXT NOT NULL REFERENCES members (id),
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX contents_by_space ON contents (space_id, kind, seq);

-- One reaction a member and content: another one replaces it.
CREATE TABLE content_reactions (
    content_id TEXT NOT NULL REFERENCES contents (id),
    member_id TEXT NOT NULL REFERENCES members (id),
    kind TEXT NOT NULL,
    PRIMARY KEY (content_id, member_id)
);

CREATE TABLE comments (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    content_id TEXT NOT NULL REFERENCES contents (id),
    author_id TEXT NOT NULL REFERENCES members (id),
    body TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX comments_by_content ON comments (content_id, seq);

CREATE TABLE polls (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    space_id TEXT NOT NULL REFERENCES spaces (id),
    author_id TEXT NOT NULL REFERENCES members (id),
    title TEXT NOT NULL,
    is_anonymous INTEGER NOT NULL,
    status TEXT NOT NULL,
    closes_at TEXT,
    closed_at TEXT,
    created_at TEXT NOT NULL
);

CREATE TABLE poll_options (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    poll_id TEXT NOT NULL REFERENCES polls (id),
    text TEXT NOT NULL
);
CREATE INDEX poll_options_by_poll ON poll_options (poll_id, seq);

-- One vote a member and poll: voting again replaces it.
CREATE TABLE poll_votes (
    poll_id TEXT NOT NULL REFERENCES polls (id),
    member_id TEXT NOT NULL REFERENCES members (id),
    option_id TEXT NOT NULL REFERENCES poll_options (id),
    PRIMARY KEY (poll_id, member_id)
);

CREATE TABLE quizzes (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    space_id TEXT NOT NULL REFERENCES spaces (id),
    author_id TEXT NOT NULL REFERENCES members (id),
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL
);

CREATE TABLE quiz_questions (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    quiz_id TEXT NOT NULL REFERENCES quizzes (id),
    question_text TEXT NOT NULL,
    question_type TEXT NOT NULL,
    points INTEGER NOT NULL,
    correct_short_answer TEXT NOT NULL
);
CREATE INDEX quiz_questions_by_quiz ON quiz_questions (quiz_id, seq);

CREATE TABLE quiz_options (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    question_id TEXT NOT NULL REFERENCES quiz_questions (id),
    option_text TEXT NOT NULL,
    is_correct INTEGER NOT NULL
);
CREATE INDEX quiz_options_by_question ON quiz_options (question_id, seq);

CREATE TABLE notifications (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    member_id TEXT NOT NULL REFERENCES members (id),
    actor_id TEXT NOT NULL REFERENCES members (id),
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    target_id TEXT NOT NULL,
    is_read INTEGER NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX notifications_by_member ON notifications (member_id, seq);

CREATE TABLE tickets (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    space_id TEXT REFERENCES spaces (id),
    reporter_id TEXT NOT NULL REFERENCES members (id),
    assignee_id TEXT REFERENCES members (id),
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX tickets_by_reporter ON tickets (reporter_id, seq);

CREATE TABLE ticket_comments (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    ticket_id TEXT NOT NULL REFERENCES tickets (id),
    author_id TEXT NOT NULL REFERENCES members (id),
    body TEXT NOT NULL,
    is_internal INTEGER NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX ticket_comments_by_ticket ON ticket_comments (ticket_id, seq);

-- One row for each channel and each member who may read it.
CREATE VIEW visible_channels AS
SELECT channels.*, memberships.member_id AS viewer_id
FROM channels JOIN memberships ON memberships.space_id = channels.space_id
WHERE NOT channels.is_private OR EXISTS (
    SELECT 1 FROM channel_members
    WHERE channel_members.channel_id = channels.id AND channel_members.member_id = memberships.member_id
);

-- One row for each post, article or question and each member who may read it.
CREATE VIEW visible_contents AS
SELECT contents.*, memberships.member_id AS viewer_id, members.username, members.display_name,
    (SELECT count(*) FROM comments WHERE comments.content_id = contents.id) AS comment_count
FROM contents
JOIN memberships ON memberships.space_id = contents.space_id
JOIN members ON members.id = contents.author_id;

CREATE VIEW authored_messages AS
SELECT messages.*, members.username, members.display_name,
    (SELECT count(*) FROM messages AS replies WHERE replies.parent_id = messages.id) AS reply_count
FROM messages JOIN members ON members.id = messages.author_id;
