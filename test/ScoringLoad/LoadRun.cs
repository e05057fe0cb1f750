using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace ScoringLoad;

/// <summary>
/// One run: clients, a model that is replaced by a rename, and a look at the service's memory every second. The models
/// are two, and what each says of a row is asked for once, before: from then on every answer can be checked.
/// </summary>
internal sealed class LoadRun(HttpClient client)
{
    private const int BatchRows = 20;

    // One request in so many is malformed.
    private const int MalformedEvery = 100;

    private const string VersionHeader = "Model-Version";

    // What the service's caches and the garbage collector's heap go up and down by.
    private const double MemoryTolerance = 1.1;

    // What the line through the second half of the run may rise by, in parts of what it begins with: half of what the whole
    // may, since half of the time is left.
    private const double RiseTolerance = 0.05;

    private const int SecondsToJudgeMemory = 60;

    private static readonly string[] s_rows =
    [
        """{"Features":[2.5,0.5,0.5,0.5]}""",
        """{"Features":[0.5,2.5,0.5,0.5]}""",
        """[0.5,0.5,2.5,0.5]""",
        """[0.1,0.2,null,-3e2]""",
    ];

    private static readonly (string Path, string Type, string Body, HttpStatusCode Status)[] s_malformed =
    [
        ("score", "application/json", """{"Features":[1,2,3]}""", HttpStatusCode.BadRequest),
        ("score", "application/json", """{"Features":[1,2,3,"x"]}""", HttpStatusCode.BadRequest),
        ("score", "application/json", """{"Features":[1,2,3,""", HttpStatusCode.BadRequest),
        ("score", "application/json", """{"Feature":[1,2,3,4]}""", HttpStatusCode.BadRequest),
        ("score/batch", "application/json", """[[1,2,3,4],[]]""", HttpStatusCode.BadRequest),
        ("score/batch", "application/json", "\u0001", HttpStatusCode.BadRequest),
        ("score", "text/plain", """{"Features":[1,2,3,4]}""", HttpStatusCode.UnsupportedMediaType),
    ];

    private readonly Dictionary<(string Version, int Row), string> _expected = [];
    private readonly ConcurrentDictionary<string, long> _answers = [];
    private readonly ConcurrentQueue<string> _failures = [];
    private long _sent;
    private long _malformed;

    public static async Task<int> RunAsync(
        TimeSpan length,
        TimeSpan replace,
        int clients,
        CancellationToken cancellation
    )
    {
        string folder = Directory.CreateTempSubdirectory("scoring-load").FullName;
        try
        {
            string[] models = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Models"), "colors-*.zip");
            Array.Sort(models, StringComparer.Ordinal);
            string served = Path.Combine(folder, "model.zip");
            File.Copy(models[0], served);
            using ServiceProcess service = await ServiceProcess.StartAsync(served, cancellation);
            using var client = new HttpClient { BaseAddress = service.Address, Timeout = TimeSpan.FromSeconds(30) };
            var run = new LoadRun(client);
            foreach (string model in models)
            {
                Replace(model, served);
                await run.LearnAnswers(Path.GetFileName(model), cancellation);
            }

            using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            Task[] senders = [.. Enumerable.Range(0, clients).Select(seed => run.Send(seed, end.Token))];
            var memory = new List<long>();
            int replaced = 0;
            using (var timer = new PeriodicTimer(TimeSpan.FromSeconds(1)))
                for (int second = 1; second <= length.TotalSeconds && !service.HasEnded; second++)
                {
                    await timer.WaitForNextTickAsync(cancellation);
                    memory.Add(service.ResidentBytes);
                    if (second % (int)replace.TotalSeconds == 0)
                        Replace(models[replaced++ % models.Length], served);
                }
            await end.CancelAsync();
            await Task.WhenAll(senders);
            if (service.HasEnded)
                run._failures.Enqueue("The service ended.");
            return run.Report(memory, replaced, (int)replace.TotalSeconds);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Replace(string model, string served)
    {
        string temporary = served + ".tmp";
        File.Copy(model, temporary, overwrite: true);
        File.SetLastWriteTimeUtc(temporary, DateTime.UtcNow);
        File.Move(temporary, served, overwrite: true);
    }

    // Waits until the service has a model whose answers are not known, and asks for them.
    private async Task LearnAnswers(string name, CancellationToken cancellation)
    {
        HashSet<string> known = [.. _expected.Keys.Select(key => key.Version)];
        for (int attempt = 0; attempt < 600; attempt++)
        {
            var answers = new List<(string Version, string Body)>();
            foreach (string row in s_rows)
            {
                using HttpResponseMessage response = await Post("score", "application/json", row, cancellation);
                answers.Add(
                    (
                        response.Headers.GetValues(VersionHeader).Single(),
                        await response.Content.ReadAsStringAsync(cancellation)
                    )
                );
            }
            string version = answers[0].Version;
            if (!known.Contains(version) && answers.All(answer => answer.Version == version))
            {
                for (int i = 0; i < answers.Count; i++)
                    _expected[(version, i)] = answers[i].Body;
                return;
            }
            await Task.Delay(50, cancellation);
        }
        throw new InvalidOperationException($"The service does not take up {name}.");
    }

    private async Task Send(int seed, CancellationToken end)
    {
        var random = new Random(seed);
        while (!end.IsCancellationRequested)
            try
            {
                // What has been sent is waited for, also when the run ends.
                if (random.Next(MalformedEvery) == 0)
                    await SendMalformed(s_malformed[random.Next(s_malformed.Length)]);
                else
                    await SendRows(random.Next(3), random);
                Interlocked.Increment(ref _sent);
            }
            catch (Exception e)
                when (e is HttpRequestException or OperationCanceledException or JsonException or IOException)
            {
                _failures.Enqueue(e.Message);
            }
    }

    private async Task SendMalformed((string Path, string Type, string Body, HttpStatusCode Status) request)
    {
        using HttpResponseMessage response = await Post(
            request.Path,
            request.Type,
            request.Body,
            CancellationToken.None
        );
        string body = await response.Content.ReadAsStringAsync();
        Interlocked.Increment(ref _malformed);
        if (
            response.StatusCode != request.Status
            || !JsonDocument.Parse(body).RootElement.TryGetProperty("detail", out JsonElement detail)
            || string.IsNullOrEmpty(detail.GetString())
        )
            _failures.Enqueue($"{request.Body} to {request.Path}: {(int)response.StatusCode} {body}");
    }

    private async Task SendRows(int form, Random random)
    {
        int[] rows = [.. Enumerable.Range(0, form == 0 ? 1 : BatchRows).Select(_ => random.Next(s_rows.Length))];
        (string path, string type, string open, string separator, string close) = form switch
        {
            0 => ("score", "application/json", "", "", ""),
            1 => ("score/batch", "application/json", "[", ",", "]"),
            _ => ("score/stream", "application/x-ndjson", "", "\n", "\n"),
        };
        string body = open + string.Join(separator, rows.Select(row => s_rows[row])) + close;
        using HttpResponseMessage response = await Post(path, type, body, CancellationToken.None);
        string answer = await response.Content.ReadAsStringAsync();
        if (response.StatusCode != HttpStatusCode.OK)
        {
            _failures.Enqueue($"{path}: {(int)response.StatusCode} {answer}");
            return;
        }
        string version = response.Headers.GetValues(VersionHeader).Single();
        _answers.AddOrUpdate(version, 1, (_, count) => count + 1);
        string expected = open + string.Join(separator, rows.Select(row => _expected[(version, row)])) + close;
        if (answer != expected)
            _failures.Enqueue($"{path}, model {version}: {answer} instead of {expected}");
    }

    private Task<HttpResponseMessage> Post(string path, string type, string body, CancellationToken cancellation) =>
        client.PostAsync(path, new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue(type)), cancellation);

    private int Report(List<long> memory, int replaced, int replaceSeconds)
    {
        // The service has compiled its code and filled its pools when a fifth of the time has gone.
        int part = Math.Max(memory.Count / 5, 1);
        double before = Median(memory.Skip(part).Take(part));
        double after = Median(memory.TakeLast(part));
        double rise = Rise([.. memory.Skip(memory.Count / 2)]);
        // In a shorter run the garbage collector has not found its size yet.
        if (memory.Count >= SecondsToJudgeMemory)
        {
            if (after > MemoryTolerance * before)
                Fail($"memory grew from {before / 1e6:F1} to {after / 1e6:F1} MB");
            if (rise > RiseTolerance)
                Fail($"memory still rose by {100 * rise:F1} % in the second half");
        }
        if (replaced > 1 && _answers.Count < 2)
            _failures.Enqueue("only one of the models ever answered");
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{_sent} requests ({_malformed} malformed), model replaced {replaced} times, {_failures.Count} failures"
            )
        );
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"memory {before / 1e6:F1} MB after {part} s and {part / replaceSeconds} replacements of warm-up, {after / 1e6:F1} MB at the end ({100 * (after / before - 1):+0.0;-0.0} %); rise in the second half {100 * rise:+0.0;-0.0} %"
            )
        );
        foreach ((string version, long count) in _answers)
            Console.WriteLine($"model {version}: {count} answers");
        foreach (string failure in _failures.Take(10))
            Console.Error.WriteLine(failure);
        return _failures.IsEmpty ? 0 : 1;
    }

    private void Fail(FormattableString failure) => _failures.Enqueue(failure.ToString(CultureInfo.InvariantCulture));

    // From the first to the last value of the line of least squares, in parts of the first.
    private static double Rise(long[] values)
    {
        if (values.Length < 2)
            return 0;
        double middle = (values.Length - 1) / 2.0;
        double mean = values.Average();
        double slope =
            values.Select((value, i) => (i - middle) * (value - mean)).Sum()
            / values.Select((_, i) => (i - middle) * (i - middle)).Sum();
        return 2 * middle * slope / (mean - middle * slope);
    }

    private static double Median(IEnumerable<long> values)
    {
        long[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? 0 : sorted[sorted.Length / 2];
    }
}
