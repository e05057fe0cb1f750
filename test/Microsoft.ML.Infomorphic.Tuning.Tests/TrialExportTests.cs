using System.Text.Json;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

[TestClass]
public sealed class TrialExportTests
{
    private static readonly SearchSpace s_space = new(
        new RealParameter("{F}{C}", -1, 1),
        new ChoiceParameter("kind", "a", "b, \"c\"")
    );

    private static readonly StoredTrial[] s_trials =
    [
        new(
            0,
            s_space.CreatePoint(0.1, 1),
            true,
            StoredTrialState.Completed,
            0.5,
            [0.25, double.NaN],
            null,
            "host/1/0",
            1,
            DateTimeOffset.UnixEpoch,
            DateTimeOffset.UnixEpoch.AddSeconds(1)
        ),
        new(
            1,
            s_space.CreatePoint(-1, 0),
            false,
            StoredTrialState.Failed,
            null,
            [],
            "It \"broke\".",
            null,
            0,
            null,
            null
        ),
        new(2, s_space.CreatePoint(0.1, 0), false, StoredTrialState.Completed, 0.5, [], null, null, 0, null, null)
        {
            RepeatOf = 0,
        },
    ];

    [TestMethod]
    public void Tables_have_a_row_for_each_trial_and_quote_what_needs_it()
    {
        var writer = new StringWriter();
        TrialExport.WriteCsv(s_trials, writer);
        Assert.AreEqual(
            "number,state,value,enqueued,epochs,attempts,worker,started,finished,error,repeat of,{F}{C},kind\r\n"
                + "0,Completed,0.5,true,2,1,host/1/0,1970-01-01T00:00:00.0000000+00:00,1970-01-01T00:00:01.0000000+00:00,,,0.1,\"b, \"\"c\"\"\"\r\n"
                + "1,Failed,,false,0,0,,,,\"It \"\"broke\"\".\",,-1,a\r\n"
                + "2,Completed,0.5,false,0,0,,,,,0,0.1,a\r\n",
            writer.ToString()
        );
    }

    [TestMethod]
    public void JSON_has_epochs_and_null_where_there_is_no_number()
    {
        using var stream = new MemoryStream();
        TrialExport.WriteJson(s_trials, stream);
        using var json = JsonDocument.Parse(stream.ToArray());
        JsonElement first = json.RootElement[0];
        Assert.AreEqual(0.1, first.GetProperty("parameters").GetProperty("{F}{C}").GetDouble());
        Assert.AreEqual("b, \"c\"", first.GetProperty("parameters").GetProperty("kind").GetString());
        Assert.AreEqual(JsonValueKind.Null, first.GetProperty("epochs")[1].ValueKind);
        Assert.AreEqual(JsonValueKind.Null, json.RootElement[1].GetProperty("value").ValueKind);
        Assert.AreEqual(JsonValueKind.Null, first.GetProperty("repeatOf").ValueKind);
        Assert.AreEqual(0, json.RootElement[2].GetProperty("repeatOf").GetInt32());
    }
}
