using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Infomorphic.Reporting.Tests;

/// <summary>
/// A page in a headless Chromium, which is told what to do by the protocol of its developer tools. Collects what its console
/// would show in red.
/// </summary>
internal sealed class Chromium : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly string[] s_names =
    [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ];

    private readonly Process _process;
    private readonly string _profile;
    private readonly ClientWebSocket _socket = new();
    private readonly CancellationTokenSource _closing = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonNode>> _asked = new();
    private readonly ConcurrentQueue<string> _errors = new();
    private Task _reading = Task.CompletedTask;
    private string? _session;
    private int _last;

    private Chromium(Process process, string profile)
    {
        _process = process;
        _profile = profile;
    }

    /// <summary>Errors and exceptions of the page so far.</summary>
    public IReadOnlyCollection<string> Errors => _errors;

    /// <summary>Opens a file; the test that calls it is left out, with the reason, where there is no Chromium.</summary>
    /// <param name="path">The file.</param>
    /// <param name="width">The width of the page in pixels.</param>
    public static async Task<Chromium> OpenAsync(string path, int width)
    {
        string? program = (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator)
            .SelectMany(folder => s_names.Select(name => Path.Combine(folder, name)))
            .FirstOrDefault(File.Exists);
        if (program is null)
            Assert.Inconclusive($"There is no Chromium on the path: none of {string.Join(", ", s_names)}.");

        string profile = Directory.CreateTempSubdirectory("chromium").FullName;
        // Without its sandbox, which a container may not have, as it opens nothing but files that were written here.
        var start = new ProcessStartInfo(
            program,
            [
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                $"--user-data-dir={profile}",
                "--remote-debugging-port=0",
                "about:blank",
            ]
        )
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["HOME"] = profile;
        var listening = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        var said = new ConcurrentQueue<string>();
        process.ErrorDataReceived += (_, line) =>
        {
            const string Prefix = "DevTools listening on ";
            said.Enqueue(line.Data ?? "");
            if (line.Data?.StartsWith(Prefix, StringComparison.Ordinal) == true)
                listening.TrySetResult(new Uri(line.Data[Prefix.Length..]));
        };
        process.Exited += (_, _) =>
            listening.TrySetException(new InvalidOperationException($"Chromium ended: {string.Join('\n', said)}"));
        process.Start();
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();

        var chromium = new Chromium(process, profile);
        try
        {
            Uri address = await listening.Task.WaitAsync(s_patience);
            await chromium._socket.ConnectAsync(address, CancellationToken.None).WaitAsync(s_patience);
            chromium._reading = Task.Run(chromium.ReadAsync);
            JsonNode target = await chromium.AskAsync("Target.createTarget", new() { ["url"] = "about:blank" });
            JsonNode attached = await chromium.AskAsync(
                "Target.attachToTarget",
                new() { ["targetId"] = (string?)target["targetId"], ["flatten"] = true }
            );
            chromium._session = (string?)attached["sessionId"];
            foreach (string domain in (string[])["Page", "Runtime", "Log"])
                await chromium.AskAsync($"{domain}.enable");
            await chromium.ResizeAsync(width);
            JsonNode opened = await chromium.AskAsync("Page.navigate", new() { ["url"] = new Uri(path).AbsoluteUri });
            Assert.IsNull(opened["errorText"], $"{path}: {opened["errorText"]}");
            return chromium;
        }
        catch
        {
            await chromium.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes the page as wide as a phone's or a desk's.</summary>
    public Task ResizeAsync(int width) =>
        AskAsync(
            "Emulation.setDeviceMetricsOverride",
            new()
            {
                ["width"] = width,
                ["height"] = 900,
                ["deviceScaleFactor"] = 1,
                ["mobile"] = width < 600,
            }
        );

    /// <summary>What an expression is on the page when it has been read whole; null while it has not, or is being read again.</summary>
    public async Task<JsonNode?> EvaluateAsync(string expression)
    {
        try
        {
            JsonNode answer = await AskAsync(
                "Runtime.evaluate",
                new()
                {
                    ["expression"] =
                        $"document.readyState === 'complete' && location.protocol === 'file:' ? ({expression}) : null",
                    ["returnByValue"] = true,
                }
            );
            Assert.IsNull(answer["exceptionDetails"], $"{expression}: {answer.ToJsonString()}");
            return answer["result"]!["value"];
        }
        catch (InvalidOperationException)
        {
            return null; // the page of which it was asked is no more
        }
    }

    /// <summary>Asks until the answer is yes.</summary>
    public async Task<JsonNode> WaitForAsync(string expression, Func<JsonNode, bool>? isIt = null)
    {
        long begin = Stopwatch.GetTimestamp();
        JsonNode? last = null;
        while (Stopwatch.GetElapsedTime(begin) < s_patience)
        {
            last = await EvaluateAsync(expression) ?? last;
            if (last is not null && (isIt?.Invoke(last) ?? true))
                return last;
            await Task.Delay(50);
        }

        throw new AssertFailedException(
            $"{expression} has not come to be what it should, but is {last?.ToJsonString()}."
        );
    }

    /// <summary>Checks that the page is there to its end, is as wide as the window, and that its pictures are drawn.</summary>
    public async Task CheckLayoutAsync(int width)
    {
        JsonNode page = await WaitForAsync(
            """
            document.querySelector('footer') && {
                width: innerWidth,
                overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
                drawn: [...document.querySelectorAll('figure svg, figure img')].map(picture => picture.getBoundingClientRect().height),
            }
            """
        );
        Assert.AreEqual(width, (int)page["width"]!);
        Assert.AreEqual(0, (int)page["overflow"]!);
        double[] heights = [.. page["drawn"]!.AsArray().Select(height => (double)height!)];
        Assert.IsNotEmpty(heights);
        Assert.IsGreaterThan(50, heights.Min());
    }

    /// <summary>A picture of the part of the page that a window shows, as PNG.</summary>
    public async Task<byte[]> TakePictureAsync() =>
        Convert.FromBase64String((string)(await AskAsync("Page.captureScreenshot"))["data"]!);

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _reading;
        _socket.Dispose();
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        _closing.Dispose();
        Directory.Delete(_profile, recursive: true);
    }

    private async Task<JsonNode> AskAsync(string method, JsonObject? parameters = null)
    {
        int id = Interlocked.Increment(ref _last);
        var answer = new TaskCompletionSource<JsonNode>(TaskCreationOptions.RunContinuationsAsynchronously);
        _asked[id] = answer;
        var message = new JsonObject { ["id"] = id, ["method"] = method };
        if (parameters is not null)
            message["params"] = parameters;
        if (_session is not null)
            message["sessionId"] = _session;
        await _socket.SendAsync(
            JsonSerializer.SerializeToUtf8Bytes(message),
            WebSocketMessageType.Text,
            endOfMessage: true,
            CancellationToken.None
        );
        return await answer.Task.WaitAsync(s_patience);
    }

    private async Task ReadAsync()
    {
        using var message = new MemoryStream();
        byte[] buffer = new byte[1 << 16];
        try
        {
            while (true)
            {
                WebSocketReceiveResult received = await _socket.ReceiveAsync(buffer, _closing.Token);
                if (received.MessageType == WebSocketMessageType.Close)
                    break;
                message.Write(buffer, 0, received.Count);
                if (!received.EndOfMessage)
                    continue;
                Take(JsonNode.Parse(message.ToArray())!);
                message.SetLength(0);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or WebSocketException) { }

        foreach (TaskCompletionSource<JsonNode> answer in _asked.Values)
            answer.TrySetException(new IOException("Chromium has gone."));
    }

    private void Take(JsonNode message)
    {
        JsonNode? parameters = message["params"];
        if (message["id"] is JsonNode id)
        {
            if (!_asked.TryRemove((int)id, out TaskCompletionSource<JsonNode>? answer))
                return;
            if (message["error"] is JsonNode error)
                answer.SetException(new InvalidOperationException(error.ToJsonString()));
            else
                answer.SetResult(message["result"]!);
        }
        else if (
            (string?)message["method"] switch
            {
                "Runtime.exceptionThrown" => true,
                "Runtime.consoleAPICalled" => (string?)parameters!["type"] is "error" or "assert",
                "Log.entryAdded" => (string?)parameters!["entry"]!["level"] is "error",
                _ => false,
            }
        )
        {
            _errors.Enqueue(message.ToJsonString());
        }
    }
}
