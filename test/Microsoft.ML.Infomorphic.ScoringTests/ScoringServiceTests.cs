using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using ScoringService;

namespace Microsoft.ML.Infomorphic.ScoringTests;

/// <summary>The scoring service over its HTTP surface, in process.</summary>
[TestClass]
public sealed class ScoringServiceTests
{
    private const string Parcel = """{"Weight":3.4,"Stamps":1,"Carrier":"rail"}""";
    private static readonly string s_models = Path.Combine(AppContext.BaseDirectory, "Models");

    private readonly string _folder = Directory.CreateTempSubdirectory("service").FullName;
    private WebApplicationFactory<ServiceOptions>? _factory;

    private string Served => Path.Combine(_folder, "model.zip");

    [TestCleanup]
    public void CleanUp()
    {
        _factory?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [TestMethod]
    public async Task A_row_a_batch_and_a_stream_get_the_same_prediction()
    {
        using HttpClient client = Start("parcels.zip");

        string row = await Send(client, "/score", Parcel);
        string batch = await Send(client, "/score/batch", $"[{Parcel},{Parcel}]");
        string stream = await Send(client, "/score/stream", $"{Parcel}\n\n{Parcel}", "application/x-ndjson");

        Assert.AreEqual($"[{row},{row}]", batch);
        Assert.AreEqual($"{row}\n{row}\n", stream.Replace("\r", "", StringComparison.Ordinal));
        using JsonDocument prediction = JsonDocument.Parse(row);
        Assert.AreEqual("freight", prediction.RootElement.GetProperty("PredictedLabel").GetString());
        Assert.AreEqual(
            1,
            prediction.RootElement.GetProperty("Score").EnumerateArray().Sum(score => score.GetDouble()),
            1e-5
        );
    }

    [TestMethod]
    public async Task A_binary_model_answers_with_a_truth_value_a_score_and_a_probability()
    {
        using HttpClient client = Start("urgent.zip");

        using JsonDocument slow = JsonDocument.Parse(
            await Send(client, "/score", """{"Weight":4.9,"Stamps":0,"Carrier":"rail"}""")
        );
        using JsonDocument urgent = JsonDocument.Parse(
            await Send(client, "/score", """{"Weight":0.1,"Stamps":4,"Carrier":"air"}""")
        );
        using JsonDocument model = JsonDocument.Parse(await client.GetStringAsync("/model"));

        Assert.IsFalse(slow.RootElement.GetProperty("PredictedLabel").GetBoolean());
        Assert.IsTrue(urgent.RootElement.GetProperty("PredictedLabel").GetBoolean());
        foreach (JsonDocument prediction in (JsonDocument[])[slow, urgent])
            Assert.AreEqual(
                1 / (1 + Math.Exp(-prediction.RootElement.GetProperty("Score").GetDouble())),
                prediction.RootElement.GetProperty("Probability").GetDouble(),
                1e-6
            );
        CollectionAssert.AreEqual(
            (string[])["PredictedLabel", "Score", "Probability"],
            model
                .RootElement.GetProperty("output")
                .EnumerateArray()
                .Select(column => column.GetProperty("name").GetString())
                .ToArray()
        );
    }

    [TestMethod]
    public async Task A_bare_array_is_a_row_of_a_model_with_one_vector()
    {
        using HttpClient client = Start("colors-1.zip");

        string array = await Send(client, "/score", "[0.5,2.5,0.5,0.5]");

        Assert.AreEqual(await Send(client, "/score", """{"Features":[0.5,2.5,0.5,0.5]}"""), array);
        Assert.Contains("\"green\"", array);
    }

    [TestMethod]
    public async Task The_model_names_its_columns_and_its_classes()
    {
        using HttpClient client = Start("parcels.zip");

        using JsonDocument model = JsonDocument.Parse(await client.GetStringAsync("/model"));

        CollectionAssert.AreEqual(
            (string[])["Weight", "Stamps", "Carrier"],
            model.RootElement.GetProperty("input").EnumerateArray().Select(Name).ToArray()
        );
        JsonElement[] output = [.. model.RootElement.GetProperty("output").EnumerateArray()];
        CollectionAssert.AreEqual((string[])["PredictedLabel", "Score"], output.Select(Name).ToArray());
        Assert.AreEqual("[\"freight\",\"letter\"]", output[1].GetProperty("labels").GetRawText());

        static string? Name(JsonElement column) => column.GetProperty("name").GetString();
    }

    [TestMethod]
    [DataRow("/score", """{"Weight":3,"Stamps":1}""", "Row 1: column \"Carrier\" is missing.")]
    [DataRow(
        "/score",
        """{"Weight":"x","Stamps":1,"Carrier":""}""",
        "Row 1: column \"Weight\" takes a number, not the text \"x\"."
    )]
    [DataRow(
        "/score",
        """{"Weight":1e60,"Stamps":1,"Carrier":""}""",
        "Row 1: column \"Weight\" takes a number, not 1e60."
    )]
    [DataRow(
        "/score",
        """{"Weight":1,"Weight":1,"Stamps":1,"Carrier":""}""",
        "Row 1: column \"Weight\" is there twice."
    )]
    [DataRow("/score", "3", "Row 1: a row is an object with the model's columns, not 3.")]
    [DataRow("/score/batch", "{}", "A batch is an array of rows, not an object.")]
    [DataRow(
        "/score/batch",
        """[{"Weight":1,"Stamps":1,"Carrier":""},{"Wait":1}]""",
        "Row 2: the model has no column \"Wait\"; it reads \"Weight\", \"Stamps\", \"Carrier\"."
    )]
    public async Task A_bad_row_is_named_in_one_sentence(string path, string body, string sentence)
    {
        using HttpClient client = Start("parcels.zip");

        using HttpResponseMessage response = await Post(client, path, body);

        Assert.AreEqual(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.AreEqual("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.AreEqual(sentence, await Detail(response));
        // And the scorer that took it is as good as new.
        Assert.Contains("freight", await Send(client, "/score", Parcel));
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("{")]
    [DataRow("{\"Weight\":}")]
    [DataRow("{} {}")]
    [DataRow("\u0001")]
    public async Task What_is_not_JSON_is_refused(string body)
    {
        using HttpClient client = Start("parcels.zip");

        using HttpResponseMessage response = await Post(client, "/score", body);

        Assert.AreEqual(HttpStatusCode.BadRequest, response.StatusCode, body);
        Assert.IsFalse(string.IsNullOrEmpty(await Detail(response)));
    }

    [TestMethod]
    public async Task A_bad_line_of_a_stream_is_answered_in_its_place()
    {
        using HttpClient client = Start("parcels.zip");

        string[] lines = (
            await Send(client, "/score/stream", $"{Parcel}\n{{}}\n{Parcel} 3\n{Parcel}", "application/x-ndjson")
        )
            .Trim()
            .Split('\n');

        Assert.HasCount(4, lines);
        Assert.AreEqual(lines[0], lines[3]);
        using JsonDocument error = JsonDocument.Parse(lines[1]);
        Assert.AreEqual("Row 2: column \"Weight\" is missing.", error.RootElement.GetProperty("error").GetString());
        Assert.StartsWith("{\"error\":\"Row 3: ", lines[2]);
    }

    [TestMethod]
    public async Task Requests_above_the_limits_are_refused()
    {
        using HttpClient client = Start(
            "parcels.zip",
            ("MaxRows", "2"),
            ("MaxBodyBytes", "200"),
            ("MaxLineBytes", "60"),
            ("MaxStreamRows", "2")
        );

        using HttpResponseMessage rows = await Post(client, "/score/batch", $"[{Parcel},{Parcel},{Parcel}]");
        using HttpResponseMessage bytes = await Post(client, "/score", Parcel + new string(' ', 200));
        string line = await Send(client, "/score/stream", Parcel + new string(' ', 60), "application/x-ndjson");
        string lines = await Send(client, "/score/stream", $"{Parcel}\n{Parcel}\n{Parcel}", "application/x-ndjson");

        Assert.AreEqual(HttpStatusCode.RequestEntityTooLarge, rows.StatusCode);
        Assert.AreEqual("A batch can have 2 rows at most.", await Detail(rows));
        Assert.AreEqual(HttpStatusCode.RequestEntityTooLarge, bytes.StatusCode);
        Assert.Contains("60 bytes at most", line);
        Assert.Contains("2 rows at most", lines);
    }

    [TestMethod]
    public async Task A_new_model_takes_over_and_a_broken_one_does_not()
    {
        using HttpClient client = Start("colors-1.zip");
        string first = await Version(client);

        Replace(await File.ReadAllBytesAsync(Path.Combine(s_models, "colors-2.zip")));
        await Until(async () => await Version(client) != first);
        string second = await Version(client);
        Replace([1, 2, 3]);
        await Until(async () =>
            (await client.GetStringAsync("/health/ready")).Contains("Degraded", StringComparison.Ordinal)
        );
        Assert.AreEqual(second, await Version(client));
        Replace(await File.ReadAllBytesAsync(Path.Combine(s_models, "colors-1.zip")));
        await Until(async () => await Version(client) == first);

        Assert.Contains("Healthy", await client.GetStringAsync("/health/ready"));
        Assert.Contains(
            "scoring_models{otel_scope_name=\"Infomorphic.ScoringService\"} 1",
            await client.GetStringAsync("/metrics")
        );
    }

    [TestMethod]
    public async Task A_replaced_model_is_collected()
    {
        using HttpClient client = Start("colors-1.zip");
        string first = await Version(client);
        await Send(client, "/score/batch", "[[1,1,1,1],[2,2,2,2]]");
        await Send(client, "/score/stream", "[1,1,1,1]\n", "application/x-ndjson");
        WeakReference old = CurrentModel();

        Replace(await File.ReadAllBytesAsync(Path.Combine(s_models, "colors-2.zip")));
        await Until(async () => await Version(client) != first);

        await Until(() =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return Task.FromResult(!old.IsAlive);
        });
        Assert.IsTrue(CurrentModel().IsAlive);
    }

    [TestMethod]
    public async Task Without_a_model_the_service_is_alive_and_not_ready_until_there_is_one()
    {
        using HttpClient client = Start(null);

        Assert.AreEqual(HttpStatusCode.OK, (await client.GetAsync("/health/live")).StatusCode);
        string unready = await (await client.GetAsync("/health/ready")).Content.ReadAsStringAsync();
        Assert.Contains("The model file is not there.", unready);
        Assert.DoesNotContain(_folder, unready);
        Assert.AreEqual(HttpStatusCode.ServiceUnavailable, (await client.GetAsync("/health/ready")).StatusCode);
        Assert.AreEqual(HttpStatusCode.ServiceUnavailable, (await Post(client, "/score", Parcel)).StatusCode);
        Replace(await File.ReadAllBytesAsync(Path.Combine(s_models, "parcels.zip")));
        await Until(async () => (await client.GetAsync("/health/ready")).StatusCode == HttpStatusCode.OK);
        Assert.Contains("freight", await Send(client, "/score", Parcel));
    }

    private HttpClient Start(string? model, params (string Name, string Value)[] settings)
    {
        if (model is not null)
            File.Copy(Path.Combine(s_models, model), Served);
        _factory = new WebApplicationFactory<ServiceOptions>().WithWebHostBuilder(builder =>
        {
            builder.UseSetting("Scoring:Model", Served);
            builder.UseSetting("Scoring:PollSeconds", "0.1");
            foreach ((string name, string value) in settings)
                builder.UseSetting("Scoring:" + name, value);
        });
        return _factory.CreateClient();
    }

    // What it holds on the way must not live on in its caller.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private WeakReference CurrentModel()
    {
        using ModelLease lease = _factory!.Services.GetRequiredService<ModelHost>().Acquire()!;
        return new WeakReference(lease.Model);
    }

    private void Replace(byte[] content)
    {
        File.WriteAllBytes(Served + ".tmp", content);
        File.Move(Served + ".tmp", Served, overwrite: true);
    }

    private static async Task Until(Func<Task<bool>> condition)
    {
        for (int attempt = 0; attempt < 200; attempt++)
        {
            if (await condition())
                return;
            await Task.Delay(50);
        }
        Assert.Fail("It did not happen within 10 seconds.");
    }

    private static async Task<string> Version(HttpClient client)
    {
        using HttpResponseMessage response = await Post(client, "/score", "[1,1,1,1]");
        return response.Headers.GetValues("Model-Version").Single();
    }

    private static async Task<string> Send(
        HttpClient client,
        string path,
        string body,
        string type = "application/json"
    )
    {
        using HttpResponseMessage response = await Post(client, path, body, type);
        string answer = await response.Content.ReadAsStringAsync();
        Assert.AreEqual(HttpStatusCode.OK, response.StatusCode, answer);
        return answer;
    }

    private static Task<HttpResponseMessage> Post(
        HttpClient client,
        string path,
        string body,
        string type = "application/json"
    ) => client.PostAsync(path, new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue(type)));

    private static async Task<string?> Detail(HttpResponseMessage response)
    {
        using JsonDocument problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        return problem.RootElement.GetProperty("detail").GetString();
    }
}
